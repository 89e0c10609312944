# syntax=docker/dockerfile:1
# Two stages: the first installs, the last holds the virtual environment and nothing that builds.
# 3.13 is the newest Python for which every package of the lock has wheels: coincurve 21 has none
# for 3.14.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /venv
RUN /venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md ./
COPY app app
RUN /venv/bin/python -m pip install --no-index --no-deps --no-build-isolation .
RUN /venv/bin/python -m pip uninstall --yes setuptools pip
RUN mkdir -p volumes/data

FROM python:3.13-slim
COPY --from=build /venv /venv
# Without ONCALL_DATABASE_URL what is stored is in data/oncall.db below the working folder.
COPY --from=build --chown=10001:10001 /src/volumes /
WORKDIR /
VOLUME /data
ENV ONCALL_ENV=production PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8402
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD ["/venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8402/healthz', timeout=2)"]
CMD ["/venv/bin/python", "-m", "app", "serve", "--host", "0.0.0.0", "--port", "8402"]
