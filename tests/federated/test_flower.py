"""The federation by Flower's messages, in this process: equal numbers, bad nodes of each kind."""

import csv
import io
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("flwr")

from click.testing import CliRunner
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.clientapp import ClientApp
from test_rounds import TRUST, data

from leadone.cli import cli
from leadone.edge.errors import InputError
from leadone.edge.labels import RHYTHMS
from leadone.federated import checkpoint, head
from leadone.federated.arrays import flat
from leadone.federated.client import Client
from leadone.federated.config import FederationConfig, Instruction, ServerConfig
from leadone.federated.device import load_client
from leadone.federated.flower import client_app, wire
from leadone.federated.flower import server as server_module
from leadone.federated.flower.credentials import (
    check_certificate,
    check_server,
    make_credentials,
    public_keys,
)
from leadone.federated.flower.local_grid import LocalGrid
from leadone.federated.flower.server import Server
from leadone.federated.flower.server_app import FAILURE, load_federation, run_rounds
from leadone.federated.flower.strategy import FleetStrategy, present
from leadone.federated.rounds import Federation
from leadone.federated.simulation import Fleet, Threat, simulate
from leadone.federated.split import split
from leadone.federated.task import HeadTask


def _fleet_app(clients: dict[int, Client], bad: dict[int, str]) -> ClientApp:
    """Clients by node number; some nodes answer what no client of ours would."""
    app = ClientApp()

    @app.train()
    def train(message: Message, context: object) -> Message:
        node = message.metadata.dst_node_id
        model, told = wire.order_of(message)
        content = wire.answer(clients[node].train(model, told, 0))
        kind = bad.get(node)
        if kind == "raises":
            raise RuntimeError("broken on purpose")
        if kind == "refuses":
            content = wire.refusal("it rests")
        if kind == "empty":
            content = RecordDict()
        if kind == "metrics only":
            content = RecordDict({"other": ConfigRecord({"a": 1})})
        if kind == "pickle":
            record = content.array_records[wire.UPDATE]
            stream = io.BytesIO()
            np.save(stream, np.array([object()], dtype=object), allow_pickle=True)
            array = Array("object", (1,), "numpy.ndarray", stream.getvalue())
            content = RecordDict({wire.UPDATE: ArrayRecord({**record, "rhythm.bias": array})})
        if kind == "bomb":
            header = io.BytesIO()
            shape = (1 << 40,)
            np.lib.format.write_array_header_1_0(
                header, {"descr": "<f4", "fortran_order": False, "shape": shape}
            )
            array = Array("float32", shape, "numpy.ndarray", header.getvalue())
            content = RecordDict({wire.UPDATE: ArrayRecord({"rhythm.bias": array})})
        if kind == "flood":
            content = wire.answer({"rhythm.bias": np.zeros(1 << 17, np.float32)})
        return Message(content=content, reply_to=message)

    return app


BAD = {
    1: "raises",
    2: "refuses",
    3: "empty",
    4: "metrics only",
    5: "pickle",
    6: "bomb",
    7: "flood",
}


def _federation(rounds: int, run: Path | None = None) -> Federation:
    config = FederationConfig(rounds=rounds)
    model = head.start_head(TRUST.features, 0)
    return Federation(config, model, HeadTask(TRUST, config.local), "enc", run=run)


def _clients(n: int) -> dict[int, Client]:
    parts = split(data(400, 0), n, None, 0)
    return {k + 1: Client(f"c{k + 1}", part, "enc", 1) for k, part in enumerate(parts)}


def test_messages_carry_the_same_numbers_as_calls() -> None:
    plain = _federation(4)
    fleet = Fleet(split(data(400, 0), 6, None, 0), "enc", Threat(), 1)
    fleet.clients = {str(k): client for k, client in _clients(6).items()}
    list(simulate(plain, fleet))
    by_message = _federation(4)
    grid = LocalGrid(_fleet_app(_clients(6), {}), {k: {} for k in range(1, 7)})
    run_rounds(grid, by_message.config, by_message)
    assert np.array_equal(flat(plain.model), flat(by_message.model))


def test_bad_nodes_of_every_kind_cost_a_round_only_themselves() -> None:
    found = _federation(1)
    grid = LocalGrid(_fleet_app(_clients(10), BAD), {k: {} for k in range(1, 11)})
    strategy = FleetStrategy(found)
    sent = strategy.configure_train(1, ArrayRecord(), ConfigRecord(), grid)
    strategy.aggregate_train(1, grid.send_and_receive(sent))
    entry = strategy.federation.last
    assert entry is not None and set(entry.rejected) == {str(k) for k in BAD}
    said = [
        "broken on purpose",
        "it rests",
        "no update",
        "no update",
        "array that is none",
        "array that is none",
        "more than",
    ]
    for node, words in zip(BAD, said, strict=True):
        assert words in entry.rejected[str(node)]
    assert set(entry.weights) == {"8", "9", "10"}


def test_devices_that_cannot_take_part_say_why_and_the_round_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The node's own app, with a device of another model, an empty and a one-class one."""
    whole = data(200, 0)
    devices = {
        "well": Client("well", whole, "enc"),
        "other": Client("other", whole, "older"),
        "empty": Client("empty", whole[:0], "enc"),
        "one-class": Client("one-class", whole[whole.rhythm == 1], "enc"),
    }
    monkeypatch.setattr(client_app, "load_client", lambda path: devices[path.name])
    monkeypatch.setattr(client_app, "save_client", lambda path, client: None)
    nodes = {k: {client_app.SETTINGS: name} for k, name in enumerate(devices, 1)}
    found = _federation(1)
    before = flat(found.model)
    strategy, grid = FleetStrategy(found), LocalGrid(client_app.app, nodes)
    sent = strategy.configure_train(1, ArrayRecord(), ConfigRecord(), grid)
    strategy.aggregate_train(1, grid.send_and_receive(sent))
    entry = strategy.federation.last
    assert entry is not None and found.done == 1 and not np.array_equal(flat(found.model), before)
    assert list(entry.rejected) == ["2", "3", "4"] and set(entry.weights) == {"1"}
    because = ("encoder", "no labelled", "one and the same")
    for said, words in zip(entry.rejected.values(), because, strict=True):
        assert words in said and "\n" not in said


def test_silent_nodes_are_not_asked_for_two_rounds() -> None:
    found = _federation(9)
    grid = LocalGrid(_fleet_app(_clients(4), {}), {k: {} for k in range(1, 5)})
    strategy, asked = FleetStrategy(found, skip=2), []
    for number in range(1, 6):
        sent = list(strategy.configure_train(number, ArrayRecord(), ConfigRecord(), grid))
        asked.append(sorted(m.metadata.dst_node_id for m in sent))
        heard = [m for m in sent if m.metadata.dst_node_id != 4 or number > 1]
        strategy.aggregate_train(number, grid.send_and_receive(heard))
    assert asked == [[1, 2, 3, 4], [1, 2, 3], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4]]
    assert strategy.federation.last is not None and not strategy.federation.last.rejected


def test_the_wait_for_nodes_ends() -> None:
    grid = LocalGrid(ClientApp(), {1: {}})
    ticks = iter([0.0, 1.0, 6.0])
    assert present(grid, 5, 5.0, lambda: next(ticks)) == ["1"]


def test_a_server_that_stopped_goes_on_at_the_round_that_did_not_end(tmp_path: Path) -> None:
    whole = _federation(5, tmp_path / "whole")
    grid = LocalGrid(_fleet_app(_clients(4), {}), {k: {} for k in range(1, 5)})
    run_rounds(grid, whole.config, whole)

    class Dies(LocalGrid):
        def send_and_receive(self, messages, *, timeout=None):  # type: ignore[no-untyped-def]
            if stopped.done == 3:
                raise KeyboardInterrupt
            return super().send_and_receive(messages, timeout=timeout)

    stopped = _federation(5, tmp_path / "part")
    with pytest.raises(KeyboardInterrupt):
        run_rounds(
            Dies(_fleet_app(_clients(4), {}), {k: {} for k in range(1, 5)}), stopped.config, stopped
        )
    again, published = _federation(5, tmp_path / "part"), list[int]()
    assert again.done == 3
    run_rounds(grid, again.config, again, lambda _, last: published.append(last.round))
    assert published == [3, 4, 5]  # whoever was killed may not have come to publish its last
    assert np.array_equal(flat(again.model), flat(whole.model))


def _folder(place: Path, data_dir: Path, start: int, n: int) -> None:
    """Recordings and a table of labels, as a device has them."""
    place.mkdir()
    paths = sorted((data_dir / "cinc2017").glob("*.hea"))[start : start + n]
    with (place / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["record", "rhythm", "findings", "by"])
        for k, path in enumerate(paths):
            for one in path.parent.glob(f"{path.stem}.*"):
                shutil.copy(one, place)
            table.writerow([path.stem, RHYTHMS[k % 3], "", "wearer"])


def test_a_fleet_of_folders_with_real_recordings(data_dir: Path, tmp_path: Path) -> None:
    nodes = {}
    for k in range(1, 4):
        _folder(tmp_path / f"n{k}", data_dir, 10 * k, 6)
        settings = tmp_path / f"n{k}" / "client.toml"
        settings.write_text(f'name = "n{k}"\nrecordings = "."\n')
        nodes[k] = {"settings": str(settings)}
    (tmp_path / "n3" / "labels.csv").write_text("record,rhythm,findings,by\n")  # has nothing yet
    (tmp_path / "n4").mkdir()
    (tmp_path / "n4" / "client.toml").write_text('model = "nope"\n')
    nodes[4] = {"settings": str(tmp_path / "n4" / "client.toml")}
    nodes[5] = {"settings": str(tmp_path / "absent.toml")}
    _folder(tmp_path / "trust", data_dir, 60, 8)
    config = FederationConfig(rounds=2, compression="int8", server=ServerConfig())
    found = load_federation(config, tmp_path, tmp_path / "run")
    run_rounds(LocalGrid(client_app.app, nodes), config, found)
    entries = (tmp_path / "run" / "rounds.jsonl").read_text().splitlines()
    assert len(entries) == 2 and '"3": "this device has no labelled recordings' in entries[1]
    assert "no model bundle 'nope'" in entries[1] and "absent.toml" in entries[1]
    assert (tmp_path / "n1" / "state" / "client.npz").is_file()  # what int8 left out
    assert load_client(tmp_path / "n1" / "client.toml").state()["packing"][0] == "int8"


def test_what_a_device_kept_may_be_damaged(data_dir: Path, tmp_path: Path) -> None:
    """Features are made again; what it had learned for itself is a sentence of its own."""
    _folder(tmp_path / "one", data_dir, 0, 2)
    settings = tmp_path / "one" / "client.toml"
    settings.write_text('name = "one"\nserver = "127.0.0.1:1"\nrecordings = "."\nport = 2\n')
    features = load_client(settings).data.features
    state = settings.parent / "state"
    whole = (state / "features.npz").read_bytes()
    for bad in (b"", b"garbage", whole[: len(whole) // 2]):
        (state / "features.npz").write_bytes(bad)
        np.testing.assert_array_equal(load_client(settings).data.features, features)
        assert (state / "features.npz").read_bytes() == whole
        (state / "client.npz").write_bytes(bad)
        with pytest.raises(InputError, match=r"client\.npz is damaged"):
            load_client(settings)
        (state / "client.npz").unlink()


def test_labels_outside_the_folder_or_of_no_known_kind_are_refused(tmp_path: Path) -> None:
    settings = tmp_path / "client.toml"
    settings.write_text('recordings = "."\n')

    def refused(row: str, words: str) -> None:
        (tmp_path / "labels.csv").write_text(f"record,rhythm,findings,by\n{row}\n")
        with pytest.raises(InputError, match=words):
            load_client(settings)

    refused("../a,af,,wearer", "outside")
    refused("a,flutter,,wearer", "flutter")
    refused("a,af,,neighbour", "neighbour")
    (tmp_path / "labels.csv").write_text("name\na\n")
    with pytest.raises(InputError, match="no table"):
        load_client(settings)


def test_a_client_of_another_encoder_says_so_and_the_order_must_be_whole() -> None:
    told = Instruction(1, "abc")
    record = wire.order(head.start_head(TRUST.features, 0), told)
    message = Message(record, dst_node_id=1, message_type="train")
    model, back = wire.order_of(message)
    assert back == told and set(model) == set(head.start_head(TRUST.features, 0))
    with pytest.raises(InputError, match="no model or instruction"):
        wire.order_of(Message(RecordDict(), dst_node_id=1, message_type="train"))


def test_arrays_keep_their_shapes_on_the_wire() -> None:
    sent = {"steps": np.array(3), "w": np.arange(6.0).reshape(2, 3).T, "none": np.zeros((0, 4))}
    back = wire.from_record(wire.to_record(sent), 10_000)
    assert all(back[n].shape == v.shape and np.array_equal(back[n], v) for n, v in sent.items())


def test_credentials_are_made_once_and_expired_or_missing_ones_are_named(tmp_path: Path) -> None:
    make_credentials(tmp_path, "127.0.0.1", ["a", "b"])
    check_server(tmp_path)
    before = (tmp_path / "ca.crt").read_bytes()
    make_credentials(tmp_path, "127.0.0.1", ["c"])
    assert (tmp_path / "ca.crt").read_bytes() == before
    assert [path.stem for path in public_keys(tmp_path)] == ["a", "b", "c"]
    for secret in (tmp_path / "ca.key", tmp_path / "server.key", tmp_path / "nodes" / "a"):
        assert secret.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InputError, match="can't be a node's name"):
        make_credentials(tmp_path, "127.0.0.1", ["../x"])
    old = tmp_path / "old"
    make_credentials(old, "localhost", [], days=-2)
    with pytest.raises(InputError, match="expired"):
        check_server(old)
    (old / "server.crt").unlink()
    with pytest.raises(InputError, match=r"no server\.crt"):
        check_server(old)
    (tmp_path / "bent.crt").write_text("bent")
    with pytest.raises(InputError, match="no certificate"):
        check_certificate(tmp_path / "bent.crt")


@pytest.mark.parametrize("failure", ["", "keys/private.pem does not exist; make one"])
def test_a_server_ends_no_app_that_still_writes_the_last_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    """The last round's line comes before its bundle; what goes wrong there is said."""
    running = [True, True, True, False]
    monkeypatch.setattr(server_module, "POLL_S", 0.0)
    monkeypatch.setattr(Server, "_submit", lambda server: None)
    monkeypatch.setattr(Server, "_is_running", lambda server: running.pop(0))
    server = Server(tmp_path / "server.toml", FederationConfig(rounds=1), tmp_path)
    server.link = SimpleNamespace(is_alive=True)  # type: ignore[assignment]
    checkpoint.save(tmp_path, checkpoint.Saved(1, {}, {}, {}, {"round": 1}))
    watched = server._watched(tmp_path)
    assert [next(watched) for _ in range(4)] == [[{"round": 1}]] * 4 and running == [False]
    if failure:
        (tmp_path / FAILURE).write_text(failure)
        with pytest.raises(InputError, match=failure):
            list(watched)
    assert list(watched) == []


def test_a_superlink_that_dies_under_the_last_bundle_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = [SimpleNamespace(is_alive=alive, end=lambda: None) for alive in (False, True)]
    submitted: list[bool] = []
    monkeypatch.setattr(Server, "_submit", lambda server: submitted.append(server.link.is_alive))
    monkeypatch.setattr(Server, "_start_link", lambda server, keys: links[1])
    monkeypatch.setattr(Server, "_is_running", lambda server: False)
    server = Server(tmp_path / "server.toml", FederationConfig(rounds=1), tmp_path)
    server.link = links[0]  # type: ignore[assignment]
    checkpoint.save(tmp_path, checkpoint.Saved(1, {}, {}, {}, {"round": 1}))
    assert len(list(server._watched(tmp_path))) == 2 and submitted == [False, True]


def test_a_finished_server_reads_its_checkpoint_and_names_its_damage(tmp_path: Path) -> None:
    run, settings = tmp_path / "run", tmp_path / "server.toml"
    settings.write_text("rounds = 2\n")
    words = ["federated", "server", str(settings), "--out", str(run)]
    line = {"round": 2, "chosen": 1, "replied": 1, "trust_loss": 0.5, "moved": 0.0, "bytes": 0}
    line |= {"seconds": 0.0, "weights": {}, "rejected": {}, "figures": {}}
    model = {"bias": np.zeros(3)}
    run.mkdir()
    checkpoint.save(run, checkpoint.Saved(2, {}, model, {}, line))
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0 and "round 2 of 2" in done.output and (run / "rounds.csv").exists()
    path = run / checkpoint.CHECKPOINT
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"checkpoint\.npz is damaged"):
        CliRunner().invoke(cli, words, catch_exceptions=False)
    path.unlink()  # as the sentence says, to begin anew: it does, and needs its keys
    with pytest.raises(InputError, match=r"no ca\.crt"):
        CliRunner().invoke(cli, words, catch_exceptions=False)
    assert checkpoint.read_log(run) == []
