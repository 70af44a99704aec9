"""A plugin: what is tested in the process of the tests runs compiled (`-p tests.support.compiled`)."""

from media import compiled

if not compiled.use():
    raise RuntimeError("nothing was compiled of these sources: python -m media.compiled tells why")
