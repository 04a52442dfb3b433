"""Nightly reports by Airflow: one notebook through the papermill operator, then every report.

Needs apache-airflow 3 with apache-airflow-providers-papermill, in an environment of its own, and
once a kernel that has this package:
~/loyalty/.venv/bin/python -m ipykernel install --user --name loyalty
"""

from datetime import datetime, timedelta
from pathlib import Path

from airflow.providers.papermill.operators.papermill import PapermillOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

HOME = Path.home() / "loyalty"

with DAG(
    dag_id="loyalty_report",
    schedule="30 3 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
) as dag:
    # A first look at all respondents together; it fails when the data cannot be used.
    look = PapermillOperator(
        task_id="look",
        input_nb=str(HOME / "notebooks" / "02_descriptives.ipynb"),
        output_nb=str(HOME / "descriptives_{{ ds_nodash }}.ipynb"),
        parameters={"study": str(HOME / "study")},
        kernel_name="loyalty",
        execution_timeout=timedelta(minutes=30),
    )
    # Not retried: the command itself tries again what a second try can cure. 3: an answer changed.
    report = BashOperator(
        task_id="report",
        bash_command=(
            f'"{HOME}/.venv/bin/loyalty" report "{HOME}/study" --by brand --by wave --workers 2'
            " --if-busy leave --keep 30 --run-deadline 3600 --alert --quiet"
            f' --out "{HOME}/reports" || test $? -eq 3'
        ),
        retries=0,
        execution_timeout=timedelta(hours=6),
    )
    look >> report
