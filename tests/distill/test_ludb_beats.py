"""What LUDB's table says of single beats: all N, all paced, or nothing."""

from __future__ import annotations

from pathlib import Path

from leadone.distill.datasets import load_ludb

HEAD = "ID,Rhythms,Conduction abnormalities,Extrasystolies,Cardiac pacing\n"
ROWS = {
    "1": "Sinus rhythm,Complete left bundle branch block,,",
    "2": 'Sinus rhythm,,"Ventricular extrasystole, type: single pvc",',
    "3": "Atrial fibrillation,,,Unipolar ventricular pacing",
    "4": "Sinus rhythm,Iii degree av-block,,",
}
EXPECTED = {"1": {"N"}, "2": set(), "3": {"Q"}, "4": set()}


def test_a_record_without_ectopic_beats_is_n_however_wide(tmp_path: Path, data_dir: Path) -> None:
    source = data_dir / "ludb"
    names = (source / "RECORDS").read_text().split()[: len(ROWS)]
    for path in source.rglob("*"):
        if path.stem.split("_")[0] in {name.rsplit("/", 1)[-1] for name in names}:
            link = tmp_path / path.relative_to(source)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    (tmp_path / "RECORDS").write_text("\n".join(names) + "\n")
    ids = [name.rsplit("/", 1)[-1] for name in names]
    rows = "".join(f"{i},{row}\n" for i, row in zip(ids, ROWS.values(), strict=True))
    (tmp_path / "ludb.csv").write_text(HEAD + rows)
    found: dict[str, set[str]] = {}
    for lead in load_ludb(tmp_path):
        found.setdefault(lead.group.split("/")[1], set()).update(label for _, label in lead.beats)
        assert len(lead.beats) in (0, sum(wave.kind == 2 for wave in lead.waves))
    assert [found[i] for i in ids] == list(EXPECTED.values())
    (tmp_path / "ludb.csv").unlink()
    assert not any(lead.beats for lead in load_ludb(tmp_path))
