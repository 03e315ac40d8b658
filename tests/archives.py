"""Archives of definitions as another office would hand them out, whole or bent."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from webapp import composition
from workflows import deployment
from workflows.definition_archives import FORMAT, MANIFEST, SHAPE


def elsewhere(old: str = 'name="资格审查"', new: str = 'name="资格审核"') -> dict[str, bytes]:
    """The office's files as another office has them: one word of the admission's diagram is another one."""
    tree = deployment.read_tree(composition.SOURCE)
    diagram = tree["bpmn/admission/admission.bpmn"]
    assert old.encode() in diagram
    return {**tree, "bpmn/admission/admission.bpmn": diagram.replace(old.encode(), new.encode())}


def archive(tree: Mapping[str, bytes], *processes: str) -> bytes:
    """An archive of some processes of a tree, as ``jiaoyan definitions export`` writes it."""
    bundles = [one for one in deployment.check(tree, composition.check_form).definitions if one.process_id in processes]
    files = {path: raw for bundle in bundles for path, raw in bundle.files.items()}
    return zipped(files, [
        {"process": one.process_id, "name": one.name, "version": 7, "digest": one.digest} for one in bundles
    ])  # fmt: skip


def zipped(
    files: Mapping[str, bytes], definitions: list[dict[str, Any]], listed: list[dict[str, Any]] | None = None, **more: Any
) -> bytes:
    """Files and a manifest that fits them; ``listed`` and ``more`` parts of the manifest are put in place of its own."""
    if listed is None:
        listed = [{"path": path, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()} for path, raw in files.items()]
    manifest = {"format": FORMAT, "shape": SHAPE, "definitions": definitions, "files": listed, **more}
    return packed({MANIFEST: json.dumps(manifest).encode(), **files})


def packed(parts: Mapping[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as found:
        for path, raw in parts.items():
            found.writestr(path, raw)
    return whole.getvalue()


def unpacked(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as found:
        return {name: found.read(name) for name in found.namelist()}
