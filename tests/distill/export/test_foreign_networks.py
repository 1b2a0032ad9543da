"""A user's own ONNX as a bundle's network: run and exported, or refused in one sentence."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from leadone import Monitor
from leadone.distill.export.bundle import export_bundle
from leadone.edge.bundle import Bundle, load_bundle, write_bundle
from leadone.edge.errors import InputError

MUTATIONS = 60


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load_bundle("wrist")


def _model(shipped: Bundle) -> onnx.ModelProto:
    return onnx.load_model_from_string(shipped.files["model.onnx"])


def _with(shipped: Bundle, model: onnx.ModelProto) -> Bundle:
    files = {**shipped.files, "model.onnx": model.SerializeToString()}
    return Bundle(shipped.manifest, files, shipped.sha256)


def _streams(bundle: Bundle) -> None:
    monitor = Monitor(bundle)
    monitor.push(np.zeros(1000, np.float32), 250)
    monitor.finish()


def _refusal(work: Callable[[], object]) -> str:
    with pytest.raises(InputError) as refused:
        work()
    sentence = str(refused.value)
    assert len(sentence.splitlines()) == 1 and len(sentence) < 400
    return sentence


def test_operators_and_versions_that_no_runtime_has(shipped: Bundle, tmp_path: Path) -> None:
    foo, late, ours = _model(shipped), _model(shipped), _model(shipped)
    foo.graph.node[5].op_type = "Foo"
    late.opset_import[0].version = 99
    ours.graph.node[5].domain = "com.example"
    for model in (foo, late, ours):
        bundle = _with(shipped, model)
        assert "not a model that onnxruntime runs" in _refusal(partial(_streams, bundle))
        _refusal(partial(export_bundle, bundle, tmp_path / "out"))
    assert "Opset 99" in _refusal(partial(_streams, _with(shipped, late)))
    told = _refusal(partial(export_bundle, _with(shipped, late), tmp_path / "out"))
    assert "opset 99, this leadone reads 13 to 17" in told
    assert not (tmp_path / "out").exists()


def test_what_is_not_exported_is_named(shipped: Bundle, tmp_path: Path) -> None:
    """Each ran, or failed in the runtime's words, before the exporter looked at it."""
    leads, cut, flat, far = (_model(shipped) for _ in range(4))
    leads.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 12
    weight = next(one for one in cut.graph.initializer if one.name.endswith("_weight_q"))
    shorter = np.ascontiguousarray(numpy_helper.to_array(weight)[..., :-1])
    weight.CopyFrom(numpy_helper.from_array(shorter, weight.name))
    scale = next(one for one in flat.graph.initializer if one.name.endswith("_scale"))
    nothing = np.zeros_like(numpy_helper.to_array(scale))
    scale.CopyFrom(numpy_helper.from_array(nothing, scale.name))
    next(node for node in far.graph.node if node.op_type == "Add").domain = "com.example"
    for model, says in (
        (leads, "takes 12 channels"),
        (cut, "weights of the network's Conv"),
        (flat, "is no positive number"),
        (far, "Add 'add_f' is not one that this leadone reads"),
    ):
        bundle = _with(shipped, model)
        assert says in _refusal(partial(export_bundle, bundle, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_an_operator_that_runs_but_is_not_exported(shipped: Bundle, tmp_path: Path) -> None:
    model = _model(shipped)
    clip = next(node for node in model.graph.node if node.op_type == "QuantizeLinear")
    between = helper.make_node("Abs", [clip.input[0]], ["abs"], name="strange")
    position = list(model.graph.node).index(clip)
    model.graph.node.insert(position, between)
    model.graph.node[position + 1].input[0] = "abs"
    _streams(_with(shipped, model))
    refusal = _refusal(lambda: export_bundle(_with(shipped, model), tmp_path / "out"))
    assert "Abs 'strange'" in refusal and not (tmp_path / "out").exists()


def test_networks_of_other_shapes(shipped: Bundle) -> None:
    fewer, renamed, wider = _model(shipped), _model(shipped), _model(shipped)
    fewer.graph.output.remove(fewer.graph.output[-1])
    renamed.graph.input[0].name = "y"
    for node in renamed.graph.node:
        for k, name in enumerate(node.input):
            node.input[k] = "y" if name == "x" else name
    channels = wider.graph.input[1].type.tensor_type.shape.dim[1]
    channels.dim_value += 1
    for model in (fewer, renamed):
        assert "does not take x and states" in _refusal(partial(_streams, _with(shipped, model)))
    assert "network" in _refusal(lambda: _streams(_with(shipped, wider)))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 1, "n"])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        for name in ("waves", "beats", "deep")
    ]
    nodes = [helper.make_node("Relu", ["x"], [one.name]) for one in outputs]
    graph = helper.make_graph(nodes, "g", [x], outputs)
    echo = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    assert "made for another leadone" in _refusal(lambda: _streams(_with(shipped, echo)))


def test_a_network_that_answers_with_no_numbers(shipped: Bundle) -> None:
    model = _model(shipped)
    last = next(n for n in model.graph.node if model.graph.output[0].name in n.output)
    scale = next(i for i in model.graph.initializer if i.name == last.input[1])
    nan = np.full_like(numpy_helper.to_array(scale), np.nan)
    scale.CopyFrom(numpy_helper.from_array(nan, scale.name))
    assert "with no numbers" in _refusal(lambda: _streams(_with(shipped, model)))


def test_weights_outside_the_model_are_never_read(
    shipped: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle's hash does not cover them, nor would its signature."""
    model = _model(shipped)
    large = max(model.graph.initializer, key=lambda one: len(one.raw_data))
    (tmp_path / "outside").write_bytes(large.raw_data)
    large.ClearField("raw_data")
    large.data_location = TensorProto.EXTERNAL
    large.external_data.add(key="location", value="outside")
    monkeypatch.chdir(tmp_path)
    assert "not a model that onnxruntime runs" in _refusal(lambda: _streams(_with(shipped, model)))
    _refusal(lambda: export_bundle(_with(shipped, model), tmp_path / "out"))


def test_graphs_with_random_damage_are_exported_or_refused(shipped: Bundle, tmp_path: Path) -> None:
    refused = 0
    for seed in range(MUTATIONS):
        out = tmp_path / str(seed)
        bundle = _with(shipped, _damaged(_model(shipped), random.Random(seed)))
        try:
            export_bundle(bundle, out)
        except InputError as error:
            assert len(str(error).splitlines()) == 1 and not out.exists()
            refused += 1
    assert refused > MUTATIONS / 2


def _damaged(model: onnx.ModelProto, rng: random.Random) -> onnx.ModelProto:
    """One thing of the graph is gone, elsewhere, or another."""
    graph = model.graph
    node = rng.choice(list(graph.node))
    kind = rng.randrange(7)
    if kind == 0:
        graph.node.remove(node)
    elif kind == 1:
        node.op_type = rng.choice(["Relu", "Add", "Concat", "Slice", "Clip", "MatMul", "Identity"])
    elif kind == 2:
        tensors = [name for one in graph.node for name in one.output]
        node.input[rng.randrange(len(node.input))] = rng.choice([*tensors, "nowhere", ""])
    elif kind == 3:
        attribute = rng.choice([a for one in graph.node for a in one.attribute])
        if attribute.ints:
            attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice([0, 1, 2, -1, 7, 10**9])
        else:
            attribute.i = rng.choice([0, 2, 3, -7])
    elif kind == 4:
        constant = rng.choice(list(graph.initializer))
        value = numpy_helper.to_array(constant)
        other = rng.choice([value[None], value.astype(np.float64), np.zeros_like(value)])
        constant.CopyFrom(numpy_helper.from_array(other, constant.name))
    elif kind == 5:
        graph.initializer.remove(rng.choice(list(graph.initializer)))
    else:
        ends = rng.choice([graph.input, graph.output])
        ends.remove(rng.choice(list(ends)))
    return model


def test_a_float_network_is_not_exported_and_nothing_is_written(
    shipped: Bundle, tmp_path: Path
) -> None:
    export_bundle(shipped, tmp_path / "int8")
    network = (tmp_path / "int8" / "float.onnx").read_bytes()
    write_bundle(tmp_path / "float", shipped.manifest, {"model.onnx": network})
    _streams(load_bundle(tmp_path / "float"))
    assert "not int8" in _refusal(
        lambda: export_bundle(load_bundle(tmp_path / "float"), tmp_path / "out")
    )
    assert not (tmp_path / "out").exists()
