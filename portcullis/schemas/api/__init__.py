"""What the routes of the public REST API take and answer, one module an area; together: `whole`."""
