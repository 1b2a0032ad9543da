"""The bundler of the page's modules: scopes kept apart, order by need, what it can't do refused."""

from __future__ import annotations

import subprocess

import pytest

from leadone.edge.web_script import one_script

MODULES = {
    "main": 'import { double as twice, Box } from "./math.mjs";\n'
    'import { hidden } from "./other.mjs";\n'
    "console.log(twice(4), new Box().size, hidden());\n",
    "math": 'import { hidden as seven } from "./other.mjs";\n'
    "const secret = 2;\nexport function double(x) {\n  return secret * x;\n}\n"
    "export class Box {\n  size = seven();\n}\n",
    "other": "const secret = 7;\nexport const hidden = () => secret;\n"
    "export async function* unused() {}\n",
    "stray": "nobody imports this\n",
}


def test_modules_become_one_script(node: str) -> None:
    script = one_script(MODULES, "main")
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, check=False)
    assert done.stdout == "8 7 7\n", done.stderr
    assert script.count("const secret") == 2 and "nobody" not in script


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ('import { double } from "./none.mjs";\n', "imports none, which is no module"),
        ('import { a } from "./main.mjs";\n', "in a circle: main > main"),
        ('import * as math from "./math.mjs";\n', "in a way that this bundler does not know"),
        ("export default 3;\n", "in a way that this bundler does not know"),
        ("export { double };\n", "in a way that this bundler does not know"),
    ],
)
def test_what_it_does_not_know_is_refused(source: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        one_script({**MODULES, "main": source}, "main")
