# syntax=docker/dockerfile:1
# infer and onnxruntime, for the CPU. From the repository's root:
#
#   docker build -f deploy/docker/infer.Dockerfile -t catvae-infer .
#   docker run --rm --network none --user "$(id -u):$(id -g)" -v "$PWD:/data" catvae-infer \
#     --model /data/run/bundle --in /data/rows.npy --out /data/codes/

FROM golang:1.26-bookworm AS build
ENV GOCACHE=/go/build-cache
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build-cache \
    CGO_ENABLED=1 go build -trimpath -ldflags="-s -w" -o /out/ ./cmd/infer ./cmd/catvae

# onnxruntime in the version that this source was made for. catvae takes it out of Python's wheel, which pip brings, and
# only when the library has the SHA-256 that the source pins.
FROM python:3.11-slim-bookworm AS onnxruntime
COPY --from=build /out/catvae /usr/local/bin/
RUN XDG_CACHE_HOME=/cache catvae doctor --install \
    && mkdir /out && cp /cache/catvae/onnxruntime/*/libonnxruntime.so.* /out/

# The C++ library that onnxruntime needs is part of the base image, since apt needs it too.
FROM debian:bookworm-slim
COPY --from=build --chmod=755 /out/infer /opt/catvae/
COPY --from=onnxruntime --chmod=644 /out/ /opt/catvae/
# infer looks for the library beside itself. onnxruntime 1.29.0 would begin its telemetry before anybody can tell it not
# to, and ends with SIGSEGV where /etc/machine-id is missing or empty, as it is in this image.
ENV PATH=/opt/catvae:$PATH ORT_DISABLE_TELEMETRY=1
RUN infer --version && ! infer --version | grep -q "not found"
USER 65532:65532
WORKDIR /data
ENTRYPOINT ["infer"]
