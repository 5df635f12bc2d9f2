"""Scores of the images that ``tools/test_fusion.py`` has written."""
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmfusion.evaluation.folders import describe
from mmfusion.evaluation.protocol import Protocol
from mmfusion.evaluation.records import write_csv
from mmfusion.evaluation.scenes import Scene, measure
from mmfusion.evaluation.sources import PairSources
from mmfusion.evaluation.tables import ScoreTable
from mmfusion.fileio.paths import output_path
from mmfusion.tasks import metric_order
from mmfusion.utils.errors import printable
from mmfusion.utils.files import write_json
from mmfusion.utils.processes import available_cores

#: from this number of images on, processes are worth their start
MANY = 16


def score_saved(folder: Path, samples: Mapping[str, dict[str, Any]],
                selection: dict[str, Any]) -> list[tuple[str, str]]:
    """Measure saved images, as the 8-bit files they are.

    Prints a table; writes ``fusion_metrics.csv`` (every image) and
    ``fusion_metrics.json`` (statistics) into the folder.

    Args:
        folder (Path): Of ``<name>.png``.
        samples (mapping): Name -> meta information of its pair.
        selection (dict): ``preset`` and ``metrics``.

    Returns:
        list[tuple[str, str]]: Name and reason of each image that could not
        be measured.
    """
    protocol = Protocol(**selection)
    method = os.path.basename(os.path.realpath(folder))
    scenes = [
        Scene(name, metainfo, {method: str(output_path(folder, name))})
        for name, metainfo in samples.items()
    ]
    workers = available_cores() if len(scenes) >= MANY else 1
    found = {
        record.stem: record
        for records in measure(scenes, protocol, workers, PairSources())
        for record in records
    }
    records = [found[name] for name in samples]
    good = [record for record in records if record.error is None]
    if good:
        table = ScoreTable.from_records(good, protocol.specs)
        print(table.to_markdown())
        write_csv(folder / 'fusion_metrics.csv', good, list(protocol.specs))
        path = folder / 'fusion_metrics.json'
        sources = metric_order(next(iter(samples.values()))['modalities'])
        write_json(
            path,
            dict(settings=protocol.settings(), preset=protocol.preset,
                 sources=sources, **table.to_json()))
        print(f'Sources: {", ".join(sources)}. {describe(protocol)}\n'
              f'wrote {printable(str(path))}')
    return [(record.stem, record.error) for record in records
            if record.error is not None]
