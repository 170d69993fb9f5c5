"""Configuration as documents: what is there, what shall be, the changes between them and what they mean for people.

Pure: `objects` (what is there, as documents say it) `wanted` (documents -> what shall be) `changes` `planning` `checks`
`access` (who may start what) `replay` (what if) `past` (as it was). With the grid: `reading` `writing` (a change as
operations) `applying` (all or nothing over many transactions, by an intent record) `history` `service`.
"""
