"""Links from page to page lead somewhere."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.pages import ROOT, anchors, links, pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_files_and_headings(page: Path) -> None:
    for link in links(page):
        target = urlsplit(link)
        if target.scheme:
            continue
        file = (page.parent / target.path).resolve() if target.path else page
        assert file.exists(), f"{link} leads nowhere"
        assert file.is_relative_to(ROOT), f"{link} leads out of the repository"
        if target.fragment:
            assert target.fragment in anchors(file), f"{link}: there is no such heading"


def test_every_page_of_the_documentation_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        for link in links(page):
            target = urlsplit(link)
            if not target.scheme and target.path:
                waiting.append((page.parent / target.path).resolve())

    unreached = set((ROOT / "docs").rglob("*.md")) - reached
    assert not unreached
