"""Trains the pipelines, makes the checkpointer's tables and serves.

python -m benchmarks.textbook --port 8001 --database-url postgresql://... --model-url http://127.0.0.1:9000/v1 --folder F
"""

import argparse
import os
from pathlib import Path

import uvicorn
from langgraph.checkpoint.postgres import PostgresSaver

from benchmarks.textbook.pipelines import ROWS, train

READY_S = 120
"""A worker that takes longer to start is started again; on a busy machine uvicorn's 5 s are too short for the imports."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--model-url", required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where the trained pipelines are kept")
    parser.add_argument("--rows", type=int, default=ROWS, help="labelled lines to train on")
    chosen = parser.parse_args()
    train(chosen.folder, chosen.rows)
    with PostgresSaver.from_conn_string(chosen.database_url) as saver:
        saver.setup()
    os.environ["TEXTBOOK_DATABASE_URL"] = chosen.database_url
    os.environ["TEXTBOOK_MODEL_URL"] = chosen.model_url
    os.environ["TEXTBOOK_PIPELINES"] = str(chosen.folder)
    uvicorn.run(
        "benchmarks.textbook.app:app",
        port=chosen.port,
        workers=chosen.workers,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        timeout_worker_healthcheck=READY_S,
    )


if __name__ == "__main__":
    main()
