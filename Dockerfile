FROM python:3.11-slim
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
RUN useradd --create-home tact && install -d -o tact /var/lib/tact /var/lib/tact-journal /var/lib/tact-checkpoints
WORKDIR /srv/tact
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
USER tact
