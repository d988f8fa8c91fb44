# syntax=docker/dockerfile:1
# catvae serve alone, in an image that holds nothing else: graphs run in pure Go. From the repository's root:
#
#   docker build -f deploy/docker/serve-purego.Dockerfile -t catvae-serve-purego .
#   docker run --rm --read-only -p 127.0.0.1:8000:8000 -v "$PWD/run/bundle:/models/digits:ro" catvae-serve-purego

FROM golang:1.26-bookworm AS build
ENV GOCACHE=/go/build-cache
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build-cache \
    CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/ ./cmd/catvae

FROM scratch
COPY --from=build --chmod=755 /out/catvae /catvae
USER 65532:65532
EXPOSE 8000 8001
ENTRYPOINT ["/catvae", "serve", "--listen", "0.0.0.0:8000", "--grpc", "0.0.0.0:8001"]
CMD ["--models", "/models"]
