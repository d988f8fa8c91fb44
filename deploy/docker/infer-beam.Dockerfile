# syntax=docker/dockerfile:1
# The image in which a runner starts workers of infer-beam (--environment_type=DOCKER), and from which a pipeline is
# submitted. From the repository's root:
#
#   docker build -f deploy/docker/infer-beam.Dockerfile -t catvae-infer-beam .
#
# Beam's own image is without a C++ library and without onnxruntime; and the worker that Beam builds, when it is not given
# one, is built with CGO_ENABLED=0 and cannot load onnxruntime. docs/beam.md says how a pipeline is told of both.

FROM golang:1.26-bookworm AS build
ENV GOCACHE=/go/build-cache
WORKDIR /src
COPY go.mod go.sum ./
COPY cmd/infer-beam/go.mod cmd/infer-beam/go.sum cmd/infer-beam/
RUN --mount=type=cache,target=/go/pkg/mod go mod download && cd cmd/infer-beam && go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build-cache \
    CGO_ENABLED=1 go build -trimpath -ldflags="-s -w" -o /out/ ./cmd/catvae \
    && cd cmd/infer-beam && CGO_ENABLED=1 go build -trimpath -ldflags="-s -w" -o /out/infer-beam .

FROM python:3.11-slim-bookworm AS onnxruntime
COPY --from=build /out/catvae /usr/local/bin/
RUN XDG_CACHE_HOME=/cache catvae doctor --install \
    && mkdir /out && cp /cache/catvae/onnxruntime/*/libonnxruntime.so.* /out/libonnxruntime.so

# boot asks the runner for the worker's program, puts it into a folder of its own, and starts it.
FROM apache/beam_go_sdk:2.77.0 AS beam

FROM debian:bookworm-slim
COPY --from=beam --chmod=755 /opt/apache/beam/boot /opt/apache/beam/
COPY --from=build --chmod=755 /out/infer-beam /opt/catvae/
COPY --from=onnxruntime --chmod=644 /out/ /opt/catvae/
# The worker's program does not lie beside the library: it must be named. For the last one see infer.Dockerfile.
ENV PATH=/opt/catvae:$PATH CATVAE_ORT_LIB=/opt/catvae/libonnxruntime.so ORT_DISABLE_TELEMETRY=1
RUN infer-beam --version && ! infer-beam --version | grep -q "not found"
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["/opt/apache/beam/boot"]
