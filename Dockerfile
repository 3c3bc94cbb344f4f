# The RSS pipeline as an image: one static binary and nothing else.
#
#	docker build -t millrace/rss-articles .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /rss-articles ./apps/rss-articles && mkdir /state

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /rss-articles /rss-articles
# A volume that is made here belongs to the user who writes to it.
COPY --from=build --chown=nonroot:nonroot /state /state
VOLUME /state
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/rss-articles"]
CMD ["run", "-state", "/state", "-http", "0.0.0.0:8080"]
