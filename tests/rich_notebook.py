"""A notebook that shows all that a kernel can show, and what two executions may differ in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode, v4

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}

RICH = [
    "import matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd\n"
    "import seaborn as sns",
    "pd.DataFrame(np.arange(90).reshape(3, 30))  # wide, as HTML and as text",
    "print(pd.DataFrame(np.arange(90).reshape(3, 30)))\npd.get_option('display.max_columns')",
    "pd.DataFrame({'a': range(100)})  # long",
    "pd.DataFrame({'a': [1.5, -2]}).style.format('{:.1f}').set_uuid('x')",
    "plt.plot([1, 3, 2])\nplt.title('a line');",
    "for values in ([1, 2], [2, 1]):\n    plt.figure()\n    plt.plot(values)",
    "plt.rcParams['figure.dpi'], plt.rcParams['figure.facecolor'], plt.get_backend()",
    "%matplotlib inline\nplt.bar(['a', 'b'], [1, 2])\nplt.show()",
    "%config InlineBackend.figure_formats = ['svg']\nplt.rcParams['svg.hashsalt'] = 'x'\n"
    "plt.plot([1, 2]);",
    "%config InlineBackend.figure_formats = ['png']\nfigure, axes = plt.subplots()\n"
    "axes.hist([1, 1, 2])\nfigure",
    "rng = np.random.default_rng(7)\nx = rng.normal(size=60)\nseen = pd.DataFrame({'x': x})\n"
    "seen['y'] = x + rng.normal(size=60)\nsns.regplot(data=seen, x='x', y='y', seed=1);",
    "import statsmodels.formula.api as smf\nprint(smf.ols('y ~ x', seen).fit().params)",
    "import sys\nprint('out')\nprint('err', file=sys.stderr)\nprint('out again')",
    "from IPython.display import HTML, Markdown, clear_output, display\n"
    "handle = display('first', display_id='here')\ndisplay(Markdown('*m*'), HTML('<b>b</b>'))",
    "handle.update('second')\nprint('gone')\nclear_output()\nprint('stays')",
    "import warnings\nwarnings.warn('mind this')\nwarnings.warn('old', DeprecationWarning)\n"
    "np.array([1.0]) / 0",
    "import logging\nlogging.warning('logged')\nlogging.getLogger('x').info('not shown')",
    "import asyncio\nawait asyncio.sleep(0.01)\n'awaited'",
    # what a shell says arrives a little later, and belongs to the cell that runs then
    "import os, subprocess, time\nos.system('echo from a shell')\ntime.sleep(1)\n"
    "subprocess.run(['echo', 'x'], capture_output=True).stdout",
    "!echo magic",
    "%%bash\necho script",
    "import multiprocessing\nfork = multiprocessing.get_context('fork')\n"
    "with fork.Pool(2) as pool:\n    print(pool.map(abs, [-1, -2]))",
    "spawn = multiprocessing.get_context('spawn')\n"
    "with spawn.Pool(1) as pool:\n    print(pool.map(abs, [-3]))",
    "import threading\nthread = threading.Thread(target=print, args=['from a thread'])\n"
    "thread.start()\nthread.join()",
    "import signal\n(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGIO),\n"
    " signal.getsignal(signal.SIGTERM), os.getsid(0) == os.getpid(), __name__)",
    "np.linalg.svd(rng.normal(size=(20, 20)))[1]",
    "sys.path[0], sys.flags, os.path.basename(sys.argv[0]), len(sys.argv)",
    "sys.stdin.isatty(), os.path.realpath('.') == os.getcwd(), os.read(0, 1)",
    "import ipywidgets\nslider = ipywidgets.IntSlider(3)\nslider.value",
    "try:\n    input('name? ')\nexcept Exception as error:\n    print(type(error).__name__)",
    "hash('a'), len(In), _i is not None",
]
ERRORS = {
    "KeyError": "import pandas as pd\npd.DataFrame({'a': [1]})['b']",
    "ZeroDivisionError": "def halve(x):\n    return x / 0\n\nhalve(1)",
    "SyntaxError": "x = = 1",
    "SystemExit": "import sys\nsys.exit(3)",
    "ExceptionGroup": "raise ExceptionGroup('two', [ValueError('a'), KeyError('b')])",
}

_MAY_DIFFER = [
    (re.compile(r"0x[0-9a-f]{6,}"), "0x…"),
    (re.compile(r"ipykernel_\d+"), "ipykernel_…"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?"), "…"),
    (re.compile(r"\d\d:\d\d:\d\d"), "…"),
    (re.compile(r"IPY_MODEL_[0-9a-f]+|\b[0-9a-f]{32}\b"), "…"),
    (re.compile(r'(<div id="|#)[a-z]{10}\b'), r"\1…"),  # great_tables
]


def write_cells(path: Path, *cells: str) -> Path:
    """Write a notebook with these code cells."""
    content = v4.new_notebook(cells=list(map(v4.new_code_cell, cells)))
    content.metadata["kernelspec"] = KERNEL
    nbformat.write(content, path)
    return path


def shown(notebook: NotebookNode) -> list[Any]:
    """What the code cells of an executed notebook show, without what may differ."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [_masked([cell.execution_count, cell.outputs]) for cell in code]


def _masked(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: node[key] if key == "image/png" else _masked(node[key]) for key in node}
    if isinstance(node, list):
        return [_masked(part) for part in node]
    if isinstance(node, str):
        for pattern, instead in _MAY_DIFFER:
            node = pattern.sub(instead, node)
    return node
