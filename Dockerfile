# By digest: a tag can be moved. It is that of the list for all platforms; Dependabot proposes the next. BASE_IMAGE puts
# another image in its place.
ARG BASE_IMAGE=python
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS python

FROM ${BASE_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# For `strip`, here alone.
RUN apt-get update && apt-get install --yes --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
# What is installed has no pip of its own: the one out here installs into it.
RUN python3 -m venv --without-pip /opt/listener && python3 -m venv /build/tools
COPY requirements.txt requirements-build.txt ./
RUN /build/tools/bin/pip install --require-hashes --only-binary=:all: -r requirements-build.txt \
    && /build/tools/bin/pip --python /opt/listener/bin/python install --require-hashes --only-binary=:all: -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY sql sql
COPY listener listener
ARG REVISION=""
RUN test -z "${REVISION}" || echo "${REVISION}" > listener/REVISION
RUN /build/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /build/tools/bin/pip --python /opt/listener/bin/python install --no-deps --no-index dist/*.whl
# What is never read while it runs, which is half of it: debuggers' symbols, type stubs, C sources, and a highlighter's
# lexers for other languages than the one that tracebacks show. Each package's own record of itself stays: that is what
# a bill of materials is made from.
RUN cd /opt/listener/lib/python3*/site-packages \
    && find . -name '*.so' -exec strip --strip-debug {} + \
    && find . -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' \) -delete \
    && find pygments/lexers -name '*.py*' ! -name '__init__.*' ! -name '_mapping.*' ! -name 'python.*' ! -name 'special.*' -delete

FROM ${BASE_IMAGE}
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="enrollment-listener" \
      org.opencontainers.image.description="Reacts to sign-ups in Postgres: enrolls new students and keeps course counts exact." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 listener \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin listener
COPY --from=build /opt/listener /opt/listener
ENV PATH=/opt/listener/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LISTENER_HTTP_HOST=0.0.0.0
# By number, so that Kubernetes can tell that it is not root.
USER 10001:10001
WORKDIR /
EXPOSE 9432
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as request; request.urlopen('http://127.0.0.1:' + os.environ.get('LISTENER_HTTP_PORT', '9432') + '/livez', timeout=2)"]
ENTRYPOINT ["listener"]
CMD ["run"]
