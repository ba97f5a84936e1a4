"""Labels that never say where anything is: `check` and `train` both tell so."""

import shutil

from weakseg.recipe.default import about_places, choose


def test_a_folder_of_images_that_are_tagged_alike_is_told_that_it_cannot_teach_where(weakseg, hearts, tmp_path):
    """Trained all the same, because nothing is wrong with the labels; a click ends it."""
    keys = [f"slice{i:02d}" for i in range(12)]
    shutil.rmtree(hearts / "scribbles")
    (hearts / "tags.csv").write_text(
        "\n".join(("image,present,absent", *(f"{key},background;heart," for key in keys))) + "\n"
    )
    assert "the same tags (background, heart)" in weakseg("check", hearts).out

    said = weakseg("train", hearts, "--network", "unet", "--epochs", 2, "--out", tmp_path / "run")
    assert said.code == 0, said.err
    assert "this training cannot learn where" in said.out
    assert "large crops are taken to show every tagged class" in said.out

    (hearts / "clicks.csv").write_text("image,class,x,y\nslice00,heart,30,30\nslice00,background,2,2\n")
    assert about_places(choose(str(hearts), "unet")) == ""
