# docker build -t loyalty .
# docker run --rm -v "$PWD/study:/study:ro" -v reports:/reports loyalty report /study --out /reports
FROM python:3.12-slim

RUN useradd --uid 1000 --create-home loyalty \
    && install --directory --owner=loyalty --group=loyalty /reports

WORKDIR /opt/loyalty
# Packages first: a change of ours does not install them again.
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY loyalty_analysis ./loyalty_analysis
COPY data ./data
COPY notebooks ./notebooks
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

# Root owns the program; its user can write its home and the reports.
USER loyalty
WORKDIR /home/loyalty
VOLUME /reports
ENTRYPOINT ["loyalty"]
CMD ["--help"]
