"""Writes the OpenAPI and AsyncAPI documents, from which the web's types are made.

python -m signaling.schema [folder]
"""

import json
import sys
from pathlib import Path

from signaling import asyncapi, openapi

FOLDER = Path(__file__).parent.parent / "web" / "src" / "generated"


def write(folder: Path = FOLDER) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    documents = {"openapi.json": openapi.document(), "asyncapi.json": asyncapi.document()}
    written = []
    for name, document in documents.items():
        path = folder / name
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
