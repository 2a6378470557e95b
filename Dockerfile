# phistar in a container.
#
#   docker build --target train --tag phistar .
#   docker run -v "$PWD:/data" phistar run breast_cancer
#   docker build --target serve --tag phistar-serve .
#   docker run -v "$PWD:/data" -p 127.0.0.1:5001:5001 phistar-serve breast_cancer
#
# The last one prints the token that requests need; -e PHISTAR_SERVE_TOKEN gives one.
# Runs and recipes are in the mounted folder: mlruns/ and conf/experiment/ below it.

FROM debian:12-slim AS base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make python3.11-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /phistar
COPY . .
RUN make env && rm -rf /root/.cache
ENV PATH=/phistar/.venv/bin:$PATH LANG=C.UTF-8

FROM base AS train
WORKDIR /data
ENTRYPOINT ["phistar"]
CMD ["--help"]

FROM base AS serve
WORKDIR /data
EXPOSE 5001
ENTRYPOINT ["phistar", "serve", "--host", "0.0.0.0"]
