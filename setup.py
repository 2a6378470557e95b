"""phistar as a package: what `pip install .` puts where.

There is one package, `phistar`. Its parts `pipeline/` and `components/` and its recipes
in `conf/` stand at the top level of the repository; installed, they are inside of it:
phistar.pipeline, phistar.components, and the data of phistar.conf.
The versions that are tested together are in requirements.lock, with those of the extras
`test`, `jax`, `ray` and `s3` in requirements-tests.lock; the bounds below say which
others may work.
"""

from pathlib import Path

from setuptools import find_packages, setup

PARTS = ["pipeline", "pipeline.*", "components", "components.*"]

setup(
    name="phistar",
    version="0.1.0",
    description="Minimises -ln P(y|x) for four kinds of label space, in one pipeline",
    long_description=Path(__file__).with_name("README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    author="phistar",
    license="MIT",
    license_files=["LICENSE"],
    classifiers=[
        "Environment :: Console",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
    python_requires=">=3.11,<3.14",  # keras starts at 3.11, tensorflow ends at 3.13
    packages=[
        "phistar",
        *(f"phistar.{name}" for name in find_packages(include=PARTS)),
        "phistar.conf",
    ],
    package_dir={
        f"phistar.{name}": name for name in ("pipeline", "components", "conf")
    },
    package_data={"phistar.conf": ["*/*.yaml"]},
    entry_points={"console_scripts": ["phistar = phistar.pipeline.cli.main:main"]},
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "tensorflow-text>=2.21,<2.22",  # built for tensorflow's own minor version
        "tensorflow-serving-api>=2.21,<2.22",  # its protocol's messages
        "sentencepiece>=0.2.1,<0.3",
        "sacrebleu>=2.5,<3",
        "keras>=3.15.1,<3.16",
        "tensorflow-datasets>=4.9.10,<4.10",
        "importlib_resources>=6",  # tensorflow-datasets imports it, undeclared
        "mlflow>=3.17,<3.18",
        "optuna>=5,<6",  # of `sweep`; its tables' packages come with mlflow anyway
        "PyYAML>=6",
        "pydantic>=2.10,<3",
        "scikit-learn>=1.6,<2",
        "threadpoolctl>=3",
        "numpy>=2,<3",
        "pandas>=2,<4",
        "charset-normalizer>=3",  # names the likely encoding of a file
        "py3langid>=0.4,<0.5",  # tells `init` the language of texts
        "matplotlib>=3.9,<4",
        "MarkupSafe>=2.1",
        "pyarrow>=15",
        "pillow>=11",
        "psutil>=6",
        "fsspec>=2025.3",  # addresses of push, pull and PHISTAR_REMOTE
        # of `serve`: uvicorn reads HTTP with httptools, its event loop is uvloop's
        "starlette>=0.46",
        "uvicorn>=0.34",
        "httptools>=0.6",
        "uvloop>=0.21",
        "python-multipart>=0.0.20",  # Starlette reads forms with it
        "prometheus-client>=0.21",
        "rich>=14,<16",
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.21,<2.22", "nvidia-ml-py>=12"],
        "jax": ["jax>=0.10,<0.11"],
        "ray": ["ray[client]>=2.50"],  # `sweep --on`
        "s3": ["s3fs>=2025.3"],  # push, pull and PHISTAR_REMOTE at s3://
        # of the numeric export; the versions that were tried: tests/runtimes/
        "runtimes": ["openvino>=2026.4", "onnxruntime>=1.32", "tf2onnx>=1.17,<1.18"],
        "test": [
            "pytest>=9,<10",
            "pytest-xdist>=3.8,<4",
            "ruff>=0.17,<0.18",
            "selenium>=4.20",
            "pre-commit>=4",
            # the tutorial notebook is run by tests/phistar/test_tutorial.py
            "nbclient>=0.10",
            "nbformat>=5.10",
            "ipykernel>=7",
            "openapi-spec-validator>=0.7",
            "openapi-python-client>=0.26",
            "moto[s3]>=5",  # a server of S3's protocol
            "flask-cors>=4",  # moto's server imports it
        ],
    },
)
