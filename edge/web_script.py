"""The page's modules as one script: a file opened from disk may not import another.

Only what the modules of `web` use of JavaScript's modules is understood: `import { a, b as c } from
"./x.mjs";` at the start of a line, and `export` before a function, class or constant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+)\.mjs";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) +(\w+))", re.MULTILINE)


def one_script(modules: Mapping[str, str], main: str) -> str:
    """The modules that `main` needs, each a function of its own, in the order of need.

    Raises ValueError for a module that is missing, imports in a circle or is written otherwise.
    """
    parts: dict[str, str] = {}
    _add(modules, main, (), parts)
    return '"use strict";\n' + "".join(parts.values())


def _add(
    modules: Mapping[str, str], name: str, above: tuple[str, ...], parts: dict[str, str]
) -> None:
    if name in above:
        raise ValueError(f"modules import in a circle: {' > '.join((*above, name))}")
    if name not in modules:
        raise ValueError(f"{above[-1] if above else 'the page'} imports {name}, which is no module")
    if name in parts:
        return
    source, needs = modules[name], []
    for names, other in IMPORT.findall(source):
        _add(modules, other, (*above, name), parts)
        taken = names.replace(" as ", ": ")
        needs.append(f"const {{{taken}}} = ${other};\n")
    body = IMPORT.sub("", source)
    exported = EXPORT.findall(body)
    body = EXPORT.sub("", body)
    if re.search(r"^(?:import|export)\b", body, re.MULTILINE):
        raise ValueError(f"{name} imports or exports in a way that this bundler does not know")
    returned = f"return {{ {', '.join(exported)} }};\n" if exported else ""
    parts[name] = f"const ${name} = (() => {{\n{''.join(needs)}{body}{returned}}})();\n"
