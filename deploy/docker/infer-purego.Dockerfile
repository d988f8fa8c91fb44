# syntax=docker/dockerfile:1
# infer alone, in an image that holds nothing else: graphs run in pure Go. From the repository's root:
#
#   docker build -f deploy/docker/infer-purego.Dockerfile -t catvae-infer-purego .
#   docker run --rm --network none --user "$(id -u):$(id -g)" -v "$PWD:/data" catvae-infer-purego \
#     --model /data/run/bundle --in /data/rows.npy --out /data/codes/

FROM golang:1.26-bookworm AS build
ENV GOCACHE=/go/build-cache
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build-cache \
    CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/ ./cmd/infer

FROM scratch
COPY --from=build --chmod=755 /out/infer /infer
USER 65532:65532
WORKDIR /data
ENTRYPOINT ["/infer"]
