# syntax=docker/dockerfile:1
# Two stages: the first installs, the last holds the virtual environment and nothing that builds.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md ./
COPY app app
RUN python -m venv /venv
RUN /venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt .
RUN /venv/bin/python -m pip uninstall --yes setuptools pip
RUN mkdir -p volumes/data

FROM python:3.11-slim
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
