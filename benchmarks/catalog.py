"""How long the catalogue takes to load, index and search, as it is and at 100 times the size, against a plain scan.

.venv/bin/python -m benchmarks.catalog
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.timing import timed
from bot.catalog.hours import ROME
from bot.catalog.loader import NOT_AN_AMBITO, Catalog
from bot.catalog.model import Service, vocabulary
from bot.catalog.schools import load
from bot.catalog.search import search
from bot.places import gazetteer
from bot.settings import settings

TIMES = 100
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=ROME)
TOWNS = ["015146", "014061", "098031", "016024", "017029", "108028"]


class Scanned(Catalog):
    """The same catalogue without its index: every service is looked at for every question."""

    def for_need(self, need: str, today: object) -> list[Service]:
        return [service for service in self.current(NOW.date()) if need in service.needs]


def copies(source: Path, target: Path, times: int) -> None:
    """The shipped files, each service as often as asked, under ids of its own."""
    yaml = YAML(typ="safe")
    for path in source.glob("*.yml"):
        if path.name in NOT_AN_AMBITO:
            continue
        if times == 1:
            shutil.copy(path, target)
            continue
        head, _, body = path.read_text(encoding="utf-8").partition("\nservices:\n")
        ids = [service["id"] for service in yaml.load(path.read_text(encoding="utf-8"))["services"]]
        parts = []
        for number in range(times):
            part = body
            for index, one in enumerate(ids):
                part = part.replace(f"- id: {one}\n", f"- id: x{number}-{path.stem[:12]}-{index}\n")
            parts.append(part)
        (target / path.name).write_text(head + "\nservices:\n" + "\n".join(parts), encoding="utf-8")


def ask_everything(catalog: Catalog) -> int:
    """Every need from every town; returns how many questions that were."""
    places = [place for code in TOWNS if (place := gazetteer().place(code))]
    for need in vocabulary().needs:
        for place in places:
            search(catalog, need, place, "ar", NOW)
    return len(vocabulary().needs) * len(places)


def measure(times: int) -> None:
    """Print the figures of one size."""
    with tempfile.TemporaryDirectory() as folder:
        copies(settings().catalog_dir, Path(folder), times)
        repeat = 3 if times == 1 else 1
        loading = timed(lambda: Catalog(Path(folder)).refresh(), repeat)
        indexed, scanned = Catalog(Path(folder)).refresh(), Scanned(Path(folder)).refresh()
        indexing = timed(indexed.index)
        questions = ask_everything(indexed)  # once beforehand, so that parsed hours are in both caches
        with_index = timed(lambda: ask_everything(indexed), repeat)
        without = timed(lambda: ask_everything(scanned), repeat)
        finding = timed(lambda: [indexed.for_need(need, NOW.date()) for need in vocabulary().needs])
        scanning = timed(lambda: [scanned.for_need(need, NOW.date()) for need in vocabulary().needs])
    print(f"services: {len(indexed.services)} ({times}x)")
    print(f"  load all files            {loading * 1000:10.1f} ms")
    print(f"  index                     {indexing * 1000:10.2f} ms")
    print(f"  one search, ranked        {with_index / questions * 1000:10.3f} ms")
    print(f"  the same by a plain scan  {without / questions * 1000:10.3f} ms   {without / with_index:.2f} times")
    needs = len(vocabulary().needs)
    print(f"  candidates for a need     {finding / needs * 1000:10.4f} ms")
    print(f"  the same by a plain scan  {scanning / needs * 1000:10.4f} ms   {scanning / finding:.1f} times")


def main() -> None:
    """Print all figures."""
    for times in (1, TIMES):
        measure(times)
    schools = timed(lambda: load(settings().catalog_dir / "schools"))
    print(f"schools: {len(load(settings().catalog_dir / 'schools').by_code)}\n  load {schools * 1000:.1f} ms")


if __name__ == "__main__":
    main()
