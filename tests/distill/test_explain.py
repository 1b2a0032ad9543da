"""What is explained is the shipped network, attributions add up, and they lie where they should."""

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest
import torch
import wfdb
from scipy.stats import spearmanr

from leadone import Record, read_record
from leadone.cli import DEMO_RECORD
from leadone.distill.delineator import Delineator
from leadone.distill.explain import Explanation, beat_shares, class_times, explain
from leadone.distill.explain_figure import deciding_beats, draw_explanation, render
from leadone.distill.export.float_run import run_float
from leadone.distill.export.graph import ConvNode, Graph
from leadone.distill.export.onnx_reader import read_graph
from leadone.distill.export.onnx_writer import write_float
from leadone.distill.export.trace import trace
from leadone.distill.findings_fit import pooled_features
from leadone.distill.saliency import Target, evaluate, integrated_gradients, network_input
from leadone.distill.saliency_baseline import in_waves, qrs_t, without_waves
from leadone.distill.saliency_targets import beat_target, log_odds, wave_target
from leadone.edge import frontend
from leadone.edge.analyze import analyze
from leadone.edge.bundle import load_bundle
from leadone.edge.errors import InputError
from leadone.edge.events import Beat
from leadone.edge.frontend import filter_record
from leadone.edge.network import StreamingNetwork
from leadone.edge.record_head import RecordHead
from leadone.pretrain.encoder import EncoderConfig

WRIST = load_bundle("wrist")
SHIPPED = WRIST.files[WRIST.manifest["network"]]


@pytest.fixture(scope="module")
def half_minute() -> Record:
    record = read_record(DEMO_RECORD)
    first, last = (round(t * record.rate_hz) for t in (76, 106))
    return replace(record, signal_mv=record.signal_mv[first:last])


@pytest.fixture(scope="module")
def found(half_minute: Record) -> Explanation:
    return explain(half_minute, WRIST)


class _Maps(NamedTuple):
    graph: Graph
    lead: np.ndarray
    baseline: np.ndarray
    target: Target
    inside: np.ndarray
    shipped: np.ndarray
    random: list[np.ndarray]


def _random(graph: Graph, seed: int) -> Graph:
    """The same architecture with each convolution's weights in another order."""
    rng = np.random.default_rng(seed)
    nodes = tuple(
        replace(n, weight=rng.permutation(n.weight.ravel()).reshape(n.weight.shape))
        if isinstance(n, ConvNode)
        else n
        for n in graph.nodes
    )
    return Graph(nodes, graph.outputs, graph.input)


def _lead(record: Record) -> tuple[np.ndarray, np.ndarray]:
    filtered, rate_hz = filter_record(record.signal_mv, record.rate_hz)
    filtered = filtered[: len(filtered) // 16 * 16]
    return filtered, np.arange(len(filtered)) / rate_hz


def test_a_written_float_graph_is_read_back(half_minute: Record, tmp_path: Path) -> None:
    torch.manual_seed(0)
    graph = trace(Delineator(EncoderConfig()))
    write_float(graph, tmp_path / "f.onnx")
    read = read_graph((tmp_path / "f.onnx").read_bytes())
    lead, _ = _lead(half_minute)
    x = network_input(torch.from_numpy(lead[None]))
    expected, values = run_float(graph, x), run_float(read, x)
    assert len(read.nodes) == len(graph.nodes) and len(read.outputs) == len(graph.outputs)
    for tensor, name in zip(graph.outputs, read.outputs, strict=True):
        assert torch.equal(values[name], expected[tensor]), name


def test_the_int8_model_read_back_is_close_to_itself(half_minute: Record) -> None:
    lead, _ = _lead(half_minute)
    x = frontend.network_input(lead)
    values = run_float(read_graph(SHIPPED), torch.from_numpy(x[None, :, None]))
    waves, beats = StreamingNetwork(SHIPPED).push(x)[:2]
    for name, int8 in (("waves", waves), ("beats", beats)):
        logits = values[name][0, :, 0].numpy()
        assert np.abs(logits - int8).mean() < 0.005 * np.ptp(int8), name
        assert (logits.argmax(0) == int8.argmax(0)).mean() > 0.97, name


def test_any_number_of_outputs_is_read(half_minute: Record) -> None:
    """One more output, an inner tensor that the decoder reads too."""
    model = onnx.load_model_from_string(SHIPPED)
    resize = [n for n in model.graph.node if n.op_type == "Resize"][1]  # the first reads `deep`
    model.graph.node.append(onnx.helper.make_node("Identity", [resize.input[0]], ["inner"]))
    shape = [1, None, 1, None]
    model.graph.output.insert(
        2, onnx.helper.make_tensor_value_info("inner", onnx.TensorProto.FLOAT, shape)
    )
    graph, plain = read_graph(model.SerializeToString()), read_graph(SHIPPED)
    assert graph.outputs == (*plain.outputs[:2], "inner", *plain.outputs[2:])
    x = network_input(torch.from_numpy(_lead(half_minute)[0][None]))
    assert torch.equal(run_float(graph, x)["beats"], run_float(plain, x)["beats"])


@pytest.mark.parametrize("op", ["Sigmoid", "Resize", "Concat"])
def test_other_operators_are_refused(op: str) -> None:
    model = onnx.load_model_from_string(SHIPPED)
    node = next(n for n in model.graph.node if n.op_type in (op, "Add"))
    if op == "Sigmoid":
        node.op_type = op
    elif op == "Resize":
        node = next(n for n in model.graph.node if n.op_type == op)
        next(a for a in node.attribute if a.name == "mode").s = b"linear"
    else:
        node = next(n for n in model.graph.node if n.op_type == op)
        node.attribute[0].i = 2
    with pytest.raises(InputError, match=op):
        read_graph(model.SerializeToString())
    with pytest.raises(InputError, match="not a model"):
        read_graph(b"no model")


def test_the_front_end_in_torch_is_numpys() -> None:
    lead = np.random.default_rng(0).normal(0, 3, 400).astype(np.float32)
    with_gradients = network_input(torch.from_numpy(lead[None]))[0, :, 0].numpy()
    assert np.array_equal(with_gradients, frontend.network_input(lead))


def test_targets_read_the_frames_that_label_beats_and_waves() -> None:
    beats, waves = torch.zeros(1, 4, 1, 60), torch.zeros(1, 4, 1, 240)
    beats[0, 2, 0, 30:33] = 5.0  # R peak 100.2: frames 11 to 13, and 18 of look-ahead
    waves[0, 1, 0, 122:132] = 3.0
    outputs = {"beats": beats, "waves": waves}
    r = np.array([(31 - 18) * 8 + 2.0])
    assert beat_target("V", r)(outputs)[0] == pytest.approx(5 - np.log(3), abs=1e-5)
    wave = wave_target("P", [((122 - 72) * 2.0, (132 - 72) * 2.0)])(outputs)
    assert wave[0] == pytest.approx(3 - np.log(3), abs=1e-5)
    p = torch.softmax(beats, 1)[0, 2, 0, 31]
    assert log_odds(beats, 2)[0, 31] == pytest.approx(float(torch.log(p / (1 - p))), abs=1e-4)


@pytest.mark.parametrize("name", ["V", "N", "P", "T", "other", "PVC"])
def test_attributions_add_up(half_minute: Record, name: str) -> None:
    """Completeness: their sum is f(lead) - f(baseline); more steps bring it nearer."""
    found = explain(half_minute, WRIST, name=name, start_s=8.0, duration_s=10.0)
    assert found.gap < 0.05


def test_more_steps_come_nearer_and_32_will_do(half_minute: Record) -> None:
    lead, t_s = _lead(half_minute)
    beats = analyze(half_minute, WRIST).beats
    target = beat_target("V", np.array(class_times(beats, "V")) * 250)
    baseline = without_waves(lead, t_s, beats)
    gaps = [
        integrated_gradients(read_graph(SHIPPED), lead, baseline, target, steps).gap
        for steps in (3, 32, 128)
    ]
    assert gaps[1] < 0.05 and gaps[2] < 0.02 and gaps[0] > gaps[2]


def test_a_linear_network_is_attributed_exactly() -> None:
    """f = 3 x_5 / 5 mV - 2 x_9 / 5 mV: only those two samples count, by as much."""
    weight = np.array([[[3.0], [0.0]], [[-2.0], [0.0]]], np.float32)
    conv = ConvNode("conv", "y", ("x",), weight, np.zeros(2, np.float32))
    graph = Graph((conv,), ("y",))
    lead = np.linspace(-1, 1, 16).astype(np.float32)

    def target(outputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return outputs["y"][:, 0, 0, 5] + outputs["y"][:, 1, 0, 9]

    found = integrated_gradients(graph, lead, np.zeros_like(lead), target, 32)
    expected = np.zeros(16)
    expected[5], expected[9] = 3 * lead[5] / 5, -2 * lead[9] / 5
    assert np.allclose(found.values, expected, atol=1e-3)
    assert evaluate(graph, torch.from_numpy(lead[None]), target)[0] == pytest.approx(found.at_lead)


def test_the_baseline_keeps_noise_and_loses_waves() -> None:
    t_s = np.arange(1000) / 250
    noise = np.random.default_rng(0).normal(0, 0.02, 1000).astype(np.float32)
    lead = noise + np.where((t_s > 1.0) & (t_s < 1.1), 1.0, 0.0).astype(np.float32)
    beat = Beat(1.05, 1.0, 1.1, t_on_s=1.2, t_off_s=1.4)
    baseline = without_waves(lead, t_s, [beat])
    waves = in_waves(t_s, [beat])
    assert np.array_equal(baseline[~waves], lead[~waves])
    assert np.abs(baseline).max() < 0.1 and np.ptp(np.diff(baseline[waves], 2)) < 1e-5
    assert not without_waves(lead, t_s, [Beat(2, -1, 5)]).any()


def test_shares_are_parts_of_all_attribution() -> None:
    t_s = np.arange(1000) / 250
    beats = [Beat(r, r - 0.05, r + 0.05) for r in (0.5, 1.5, 2.5)]
    values = np.zeros(1000, np.float32)
    values[round(0.6 * 250)], values[round(1.6 * 250)], values[round(2.6 * 250)] = 1, -2, 1
    assert beat_shares(values, t_s, beats, beats[:2]) == (0.25, 0.5)
    assert deciding_beats((0.1, 0.5, 0.02, 0.3)) == [1, 3]


@pytest.mark.parametrize("name", ["106", "119", "208"])
def test_v_beats_are_explained_by_v_beats(data_dir: Path, name: str) -> None:
    """Annotated V beats, R - 0.1 to R + 0.45 s, hold most of class V, more than their time.

    Random weights pass this too, for V beats are large: what tells them apart is below.
    """
    path = data_dir / "mitdb" / name
    record, annotations = read_record(path), wfdb.rdann(str(path), "atr")
    symbols = zip(annotations.sample, annotations.symbol, strict=True)
    v_s = np.array([sample for sample, symbol in symbols if symbol in "VE"]) / annotations.fs
    shares, times = [], []
    for at_s in range(300, 1740, 240):
        first, last = (round(t * record.rate_hz) for t in (at_s, at_s + 60))
        minute = replace(record, signal_mv=record.signal_mv[first:last])
        if any(beat.label == "V" for beat in analyze(minute, WRIST).beats):
            found = explain(minute, WRIST, name="V")
            after_r = found.t_s[:, None] - (v_s - at_s)
            inside = ((after_r > -0.1) & (after_r < 0.45)).any(1)
            sizes = np.abs(found.attribution)
            shares.append(sizes[inside].sum() / sizes.sum())
            times.append(inside.mean())
    share, of_time = np.mean(shares), np.mean(times)
    print(f"{name}: {share:.1%} of |attribution| in {of_time:.1%} of the time")
    odds = share / (1 - share) / (of_time / (1 - of_time))
    assert share > 0.5 and odds > 1.8


def test_the_finding_pvc_is_explained_by_v_beats(half_minute: Record) -> None:
    found = explain(half_minute, WRIST, name="PVC")
    per_beat = {
        label: np.mean(
            [s for s, b in zip(found.shares, found.beats, strict=True) if b.label == label]
        )
        for label in "NV"
    }
    assert per_beat["V"] > 2 * per_beat["N"]
    assert (found.start_s, found.end_s) == (0.0, 30.0)


@pytest.mark.parametrize("name", ["PVC", "AFIB"])
def test_a_finding_grows_to_what_the_streams_network_says(half_minute: Record, name: str) -> None:
    """The picture's network computes in float32, the stream's in int8."""
    at, values = explain(half_minute, WRIST, name=name).probability
    head = RecordHead.from_manifest(WRIST.manifest["record_head"])
    stream = StreamingNetwork(WRIST.files[WRIST.manifest["network"]])
    pooled, row = pooled_features(half_minute, stream), head.findings.index(name)
    logit = np.array(head.finding_weights[row])[: len(pooled)] @ pooled + head.finding_bias[row]
    assert values[-1] == pytest.approx(1 / (1 + np.exp(-logit)), abs=0.05)
    assert at[-1] == pytest.approx(30.0, abs=0.1) and len(at) == len(values) > 400


@pytest.fixture(scope="module")
def maps(half_minute: Record) -> _Maps:
    """Attributions of class V by the shipped network and by three with shuffled weights."""
    lead, t_s = _lead(half_minute)
    beats = analyze(half_minute, WRIST).beats
    v_beats = [b for b in beats if b.label == "V"]
    target = beat_target("V", np.array([b.r_s for b in v_beats]) * 250)
    baseline, graph = without_waves(lead, t_s, beats), read_graph(SHIPPED)
    inside = np.zeros(len(lead), bool)
    for onset_s, offset_s in map(qrs_t, v_beats):
        inside |= (t_s >= onset_s) & (t_s <= offset_s)
    inside &= np.abs(lead - baseline) > 0.05
    graphs = [graph, *(_random(graph, seed) for seed in range(3))]
    shipped, *random = (integrated_gradients(g, lead, baseline, target).values for g in graphs)
    return _Maps(graph, lead, baseline, target, inside, shipped, random)


def test_other_weights_give_another_map(maps: _Maps) -> None:
    """Adebayo et al. 2018, inside the V beats: elsewhere all maps are near zero alike.

    Lead minus baseline is a factor of every map, so that some of its size stays whatever the
    weights; of the slopes by which it is multiplied nothing does.
    """
    step = (maps.lead - maps.baseline)[maps.inside]
    shipped = maps.shipped[maps.inside]
    for other in (m[maps.inside] for m in maps.random):
        pairs = ((shipped, other), (np.abs(shipped / step), np.abs(other / step)))
        pairs += ((np.abs(shipped), np.abs(other)),)
        signed, slopes, absolute = (spearmanr(a, b).statistic for a, b in pairs)
        print(f"signed {signed:.2f}, slopes {slopes:.2f}, absolute {absolute:.2f}")
        assert abs(signed) < 0.2 and abs(slopes) < 0.2 and absolute < 0.45


def test_what_the_map_points_at_is_what_the_network_needs(maps: _Maps) -> None:
    """The tenth of the waves that speaks for V most, flattened: V is gone; by random maps less."""
    count = int(0.1 * (np.abs(maps.lead - maps.baseline) > 0.05).sum())

    def without_the_first(order: np.ndarray) -> float:
        flattened = maps.lead.copy()
        flattened[order[:count]] = maps.baseline[order[:count]]
        return float(evaluate(maps.graph, torch.from_numpy(flattened[None]), maps.target)[0])

    whole = without_the_first(np.empty(0, int))
    left = without_the_first(np.argsort(-maps.shipped))
    left_by_chance = [without_the_first(np.argsort(-m)) for m in maps.random]
    print(f"log-odds {whole:.0f}, {left:.0f} left; by random maps {np.round(left_by_chance)}")
    assert left < 0 and min(left_by_chance) - left > 0.3 * whole


def test_the_window_with_most_of_the_most_abnormal_class_is_taken(
    half_minute: Record, found: Explanation
) -> None:
    beats = analyze(half_minute, WRIST).beats
    at = np.array(class_times(beats, "V"))
    most = max(((at >= s) & (at < s + 10)).sum() for s in np.arange(0, 20, 0.1))
    assert found.name == "V" and found.end_s - found.start_s == pytest.approx(10)
    assert len(class_times(found.beats, "V")) >= most
    assert sum(found.shares) <= 1 and len(found.shares) == len(found.beats)
    pairs = zip(found.beats, found.probability[1], strict=True)
    agreed = [(p > 0.5) == (beat.label == "V") for beat, p in pairs]
    assert np.mean(agreed) > 0.7  # the label weighs the beats before, the network alone does not


def test_millimetres_are_true(found: Explanation) -> None:
    figure = render(found)
    paper = figure.axes[0]
    box, (width, height) = paper.get_position(), figure.get_size_inches() * 25.4
    low, high = paper.get_ylim()
    assert box.width * width == pytest.approx(250) and figure.dpi == 150
    assert box.height * height == pytest.approx(10 * (high - low))
    for upper, lower in pairwise(figure.axes):
        assert upper.get_position().y0 > lower.get_position().y1
    assert figure.axes[-1].get_position().y0 * height > 10


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_pictures_are_written_whole_and_the_same_again(
    found: Explanation, tmp_path: Path, suffix: str
) -> None:
    for name in "ab":
        draw_explanation(found, tmp_path / f"{name}.{suffix}")
    a, b = sorted(tmp_path.iterdir())
    assert a.read_bytes() == b.read_bytes() and a.stat().st_size > 20_000
    head = a.read_bytes()[:200]
    assert head.startswith(b"\x89PNG") if suffix == "png" else b"<?xml" in head


def test_gaps_are_drawn_as_gaps(half_minute: Record, tmp_path: Path) -> None:
    signal = half_minute.signal_mv.copy()
    signal[4 * 360 : 7 * 360] = np.nan
    found = explain(replace(half_minute, signal_mv=signal), WRIST, name="N", start_s=2.0)
    missing = (found.t_s > 4.01) & (found.t_s < 6.99)
    assert np.isnan(found.lead_mv[missing]).all() and np.isfinite(found.lead_mv[~missing]).sum() > 0
    assert np.isfinite(found.attribution).all() and found.gap < 0.05
    draw_explanation(found, tmp_path / "gaps.png")


@pytest.mark.parametrize("name", ["N", "V", "P", "QRS", "T", "af", "CRBBB"])
def test_every_class_is_drawn(half_minute: Record, tmp_path: Path, name: str) -> None:
    found = explain(half_minute, WRIST, name=name, duration_s=3.0)
    draw_explanation(found, tmp_path / "class.png")
    assert found.name == name and np.abs(found.attribution).max() > 0


def test_what_can_not_be_explained_is_said_in_a_sentence(half_minute: Record) -> None:
    flat = np.zeros(3600, np.float32)
    for signal, words in (
        (flat, "no beat"),
        (np.full(3600, np.nan, np.float32), "no valid sample"),
        (flat[:900], "at least 5 s"),
    ):
        with pytest.raises(InputError, match=words):
            explain(Record(signal, 360.0), WRIST)
    for options, words in (
        ({"name": "X"}, "choose one of N, S, V, Q, P, QRS, T, normal, af"),
        ({"name": "Q"}, "no Q beat"),
        ({"name": "V", "start_s": 12.0, "duration_s": 2.0}, "drop --from"),
        ({"start_s": 29.0}, "--from takes 0 to 28.0"),
        ({"start_s": -1.0}, "--from takes"),
        ({"start_s": float("nan")}, "--from takes"),
        ({"duration_s": 31.0}, "2 to 30 s"),
        ({"duration_s": float("nan")}, "2 to 30 s"),
    ):
        with pytest.raises(InputError, match=words):
            explain(half_minute, WRIST, **options)


def test_the_command(tmp_path: Path) -> None:
    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "leadone.cli", "explain", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True)

    done = run(DEMO_RECORD, "--out", tmp_path / "v.svg")
    assert done.returncode == 0 and "V from" in done.stdout, done.stderr
    for words, said in (
        ((DEMO_RECORD, "--out", tmp_path / "v.pdf"), ".png or .svg"),
        ((DEMO_RECORD, "--out", tmp_path / "no" / "v.png"), "there is no folder"),
        ((DEMO_RECORD, "--out", tmp_path / "q.png", "--class", "Q"), "no Q beat"),
    ):
        done = run(*words)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
        assert said in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["v.svg"]
