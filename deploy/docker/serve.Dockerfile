# syntax=docker/dockerfile:1
# catvae serve and onnxruntime, for the CPU. From the repository's root:
#
#   docker build -f deploy/docker/serve.Dockerfile -t catvae-serve .
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 -p 127.0.0.1:8001:8001 -v "$PWD/run/bundle:/models/digits:ro" catvae-serve
#
# Bundles lie in /models, NAME/ or NAME/1/. Each is tried on generated rows before it takes work.

FROM golang:1.26-bookworm AS build
ENV GOCACHE=/go/build-cache
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build-cache \
    CGO_ENABLED=1 go build -trimpath -ldflags="-s -w" -o /out/ ./cmd/catvae

# See infer.Dockerfile: the library that the source pins, out of Python's wheel.
FROM python:3.11-slim-bookworm AS onnxruntime
COPY --from=build /out/catvae /usr/local/bin/
RUN XDG_CACHE_HOME=/cache catvae doctor --install \
    && mkdir /out && cp /cache/catvae/onnxruntime/*/libonnxruntime.so.* /out/

FROM debian:bookworm-slim
COPY --from=build --chmod=755 /out/catvae /opt/catvae/
COPY --from=onnxruntime --chmod=644 /out/ /opt/catvae/
ENV PATH=/opt/catvae:$PATH ORT_DISABLE_TELEMETRY=1
RUN catvae --version && ! catvae --version | grep -q "not found"
USER 65532:65532
EXPOSE 8000 8001
# Outside of a container it listens on loopback alone.
ENTRYPOINT ["catvae", "serve", "--listen", "0.0.0.0:8000", "--grpc", "0.0.0.0:8001", "--backend", "onnxruntime"]
CMD ["--models", "/models"]
