# Mötesrum with its pages. Runs as nobody in particular, and writes to /data, /keys and /tmp alone.

FROM node:22-slim AS pages
WORKDIR /build/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

FROM python:3.13-slim AS installed
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/motesrum
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY rooms rooms
COPY media media
COPY signaling signaling
COPY web/__init__.py web/__init__.py
COPY --from=pages /build/web/dist web/dist
RUN /opt/motesrum/bin/pip install --no-cache-dir '.[compiled]'
RUN cd / && /opt/motesrum/bin/python -m media.compiled

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home motesrum && install -d -o 10001 -g 10001 -m 700 /data /keys
COPY --from=installed /opt/motesrum /opt/motesrum
ENV PATH=/opt/motesrum/bin:$PATH PYTHONDONTWRITEBYTECODE=1 MOTESRUM_DATA=/data
USER 10001:10001
WORKDIR /data
VOLUME /data /keys
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('MOTESRUM_HTTP_PORT', 8080)}/readyz\", timeout=3)"]
CMD ["motesrum", "serve"]
