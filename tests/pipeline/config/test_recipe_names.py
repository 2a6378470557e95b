import shutil

import pytest

from phistar.pipeline.config.load import ConfigError, load
from phistar.pipeline.config.recipes import recipes, require_name, shipped
from tests.helpers import odd

SHIPPED = shipped() / "experiment" / "breast_cancer.yaml"


@pytest.mark.parametrize("name", odd.RECIPES)
def test_a_recipe_is_called_as_its_file(name, tmp_path):
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    shutil.copy(SHIPPED, folder / f"{name}.yaml")
    assert load(name, [], tmp_path).name == name
    assert load(str(folder / f"{name}.yaml"), [], tmp_path).name == name


@pytest.mark.parametrize("name", odd.REFUSED)
def test_a_name_that_mlflow_cannot_take_is_refused_in_one_line(name, tmp_path):
    file = tmp_path / f"{name}.yaml"
    shutil.copy(SHIPPED, file)
    with pytest.raises(ConfigError, match="cannot be a recipe's. Received:") as error:
        load(str(file), [], tmp_path)
    assert "\n" not in str(error.value)


def test_the_shipped_recipes_have_such_names(tmp_path):
    for name in recipes(tmp_path):
        require_name(name)
