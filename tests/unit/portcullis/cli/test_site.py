import argparse

import pytest

from portcullis.cli import site
from portcullis.errors import InvalidInput

OLD, NEW = "https://old.example", "https://new.example"


class Service:
    def __init__(self):
        self.origins = [OLD]
        self.puts = 0

    def get(self, *path):
        assert path == ("admin", "site", "origins")
        return {"origins": self.origins, "gateways": [{"name": "edge", "public_origin": OLD}]}

    def put(self, *path, body):
        self.puts += 1
        self.origins = body["origins"]
        return self.get(*path)


def called(service, *words):
    parser = argparse.ArgumentParser()
    site.add_parser(parser.add_subparsers())
    arguments = parser.parse_args(["site", "origins", *words])
    arguments.run(service, arguments)


def test_what_is_there_is_shown_and_nothing_changed(capsys):
    service = Service()
    called(service)
    assert capsys.readouterr().out == f"{OLD}  (site)\n{OLD}  (gateway edge)\n"
    assert service.puts == 0


def test_one_is_added_once_and_another_removed(capsys):
    service = Service()
    called(service, "--add", NEW)
    called(service, "--add", NEW, "--remove", OLD)
    assert service.origins == [NEW]


def test_one_that_is_not_there_cannot_be_removed():
    service = Service()
    with pytest.raises(InvalidInput):
        called(service, "--remove", NEW)
    assert service.puts == 0
