import pytest

from gateway.static import StaticFiles


@pytest.fixture
def root(tmp_path):
    files = (
        "index.html admin.html core/a.js core/deep/b.js core/a.test.js core/.hidden.js core/tests/c.js core/test_d.js "
        "app/e.json app/f.py app/g.js.map ui/h.css vendor/i.wasm styles/j.svg secret.js tests/k.js "
        "node_modules/l.js core/README.md"
    )
    for name in files.split():
        path = tmp_path / "client" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "outside.js").write_text("outside")
    (tmp_path / "client/core/link.js").symlink_to(tmp_path / "outside.js")
    (tmp_path / "client/core/inner.js").symlink_to(tmp_path / "client/core/a.js")
    return tmp_path / "client"


def test_only_the_client_itself_is_published(root):
    assert StaticFiles(root).paths == {
        "/",
        "/index.html",
        "/admin.html",
        "/core/a.js",
        "/core/deep/b.js",
        "/core/inner.js",
        "/ui/h.css",
        "/vendor/i.wasm",
        "/styles/j.svg",
    }


def test_a_client_that_is_not_there_publishes_nothing(tmp_path):
    assert StaticFiles(tmp_path / "nowhere").paths == frozenset()


def test_content_types_are_those_that_browsers_insist_on(root):
    files = StaticFiles(root)._files
    assert files["/core/a.js"].content_type.startswith("text/javascript")
    assert files["/vendor/i.wasm"].content_type == "application/wasm"
    assert files["/"].content_type == "text/html; charset=utf-8"


def test_an_etag_follows_the_content(root):
    before = StaticFiles(root)._files
    (root / "core/a.js").write_text("changed")
    after = StaticFiles(root)._files
    assert before["/core/a.js"].etag != after["/core/a.js"].etag
    assert before["/ui/h.css"].etag == after["/ui/h.css"].etag
