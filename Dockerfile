ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# Where pip finds packages and whom it trusts; left out, pip's own defaults.
ARG PIP_INDEX_URL
ARG PIP_CERT
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python3 -m venv /opt/hub && python3 -m venv /opt/build
# Dependencies before the code, so that a change of code builds in seconds.
COPY requirements.lock requirements-build.lock ./
RUN /opt/hub/bin/python -m pip install --no-cache-dir --require-hashes -r requirements.lock \
    && /opt/build/bin/python -m pip install --no-cache-dir --require-hashes -r requirements-build.lock
COPY . .
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/hub/bin/python -m pip install --no-cache-dir --no-deps /wheels/*.whl \
    && /opt/hub/bin/python -m pip uninstall --yes pip

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/hub/bin:$PATH PYTHONUNBUFFERED=1
RUN groupadd --gid 10001 hub \
    && useradd --uid 10001 --gid hub --no-log-init --home-dir /data --no-create-home --shell /usr/sbin/nologin hub \
    && install --directory --owner hub --group hub --mode 0700 /data
COPY --from=build /opt/hub /opt/hub
USER 10001:10001
WORKDIR /data
ENV HUB_HOST=0.0.0.0 HUB_PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from os import environ; from urllib.request import urlopen; urlopen(f\"http://127.0.0.1:{environ['HUB_PORT']}/health/live\", timeout=2)"]
CMD ["hub", "serve"]
