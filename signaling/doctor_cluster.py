"""What the doctor looks at in the other nodes: is the name ours alone, do they answer and believe us."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from config.settings import Settings
from rooms.cluster import Node
from rooms.store.base import Record, StoreUnavailable
from rooms.store.dump import NODE
from signaling.app import NODE_FILE, node_name
from signaling.doctor_address import addresses
from signaling.errors import ServiceUnavailable
from signaling.keys import SEALING, KeyFolder
from signaling.nodes import Nodes
from signaling.seals import AGE, Seals, node_key
from signaling.serving import runs
from signaling.stores import open_store

Check = tuple[str, Callable[[], str | None]]


def checks(settings: Settings) -> list[Check]:
    if settings.store == "sqlite":
        return []
    return [("this node fits those that run already", lambda: asyncio.run(_wrong(settings)))]


async def _wrong(settings: Settings) -> str | None:
    """Nothing, where the store does not answer: that is told already."""
    try:
        alive = await _alive(settings)
    except StoreUnavailable:
        return None
    mine = _name(settings)
    if mine in alive and not runs(settings.data):
        return f"another process is the node {mine}: give each a name of its own (cluster.name)"
    others = [node for name, node in alive.items() if name != mine]
    for node in others:
        if told := _unreachable(settings, node) or await _unanswered(settings, node):
            return told
    return None


async def _alive(settings: Settings) -> Mapping[str, Node]:
    """Those that give a sign of life while we look."""
    store = await open_store(settings)
    try:
        before = dict(await store.records.scan(NODE))
        if not before:
            return {}
        await asyncio.sleep(settings.cluster.lifetime / 2)
        after = await store.records.scan(NODE)
    finally:
        await store.close()
    return {name: _node(name, record) for name, record in after if _changed(before.get(name), record)}


def _changed(before: Record | None, after: Record) -> bool:
    return before is None or before.version != after.version


def _node(name: str, record: Record) -> Node:
    value: Mapping[str, Any] = record.value
    return Node(name, str(value["url"]), tuple(value["sites"]))


def _name(settings: Settings) -> str | None:
    """None: a name is made at the first start."""
    file = settings.data / NODE_FILE
    return settings.cluster.name or (node_name(file) if file.exists() else None)


def _unreachable(settings: Settings, node: Node) -> str | None:
    mine = settings.cluster.url
    if mine is not None and _is_loopback(mine) and not _is_loopback(node.url):
        return f"cluster.url is {mine}, where the node {node.name}, at {node.url}, does not reach us"
    return None


def _is_loopback(url: str) -> bool:
    return any(ip.is_loopback for ip in addresses(urlsplit(url).hostname or ""))


async def _unanswered(settings: Settings, node: Node) -> str | None:
    """What is asked, of a meeting that there is not, changes nothing."""
    if not (settings.keys / SEALING).exists():
        return f"there are no keys in {settings.keys}: it must be the folder that the node {node.name} has"
    nodes = Nodes(Seals(node_key(KeyFolder(settings.keys).sealing_key())))
    try:
        await nodes.ask(node, "lost", meeting="", fence=0)
    except ServiceUnavailable as error:
        if isinstance(error.__cause__, (aiohttp.ClientError, TimeoutError, OSError)):
            return f"the node {node.name} does not answer at {node.url}, its cluster.url"
        return (
            f"the node {node.name} does not believe us: keys_folder must hold the same keys at all nodes, and"
            f" clocks may differ by {AGE:.0f} s"
        )
    finally:
        await nodes.close()
    return None
