"""An empty data folder that documents itself."""

from pathlib import Path

from weakseg.errors import DataInvalid

FOLDERS = ("images", "masks", "scribbles", "splits")

CLASSES = "background\nobject\n"

DATASET = r"""# Meaning of the values and names in this folder. Every line that is commented out shows the default.
#
# images/     images: NAME.png, .jpg, .tif, .bmp or .webp; NAME is the image's key
# masks/      full segmentations, NAME.png: one number per pixel, the class's line in classes.txt counted from 0
# scribbles/  the same numbers where an annotator drew, and the value `unlabeled` everywhere else
# splits/     train.txt and val.txt: the keys of each part, one per line
# Tables, each of them optional, as is any row; a class is given by name, an image by key or by file name:
# tags.csv    image,present,absent                 several classes in a cell are separated by ;
# sizes.csv   image,class,min,max                  fractions of the image, 0 to 1
# boxes.csv   image,class,left,top,right,bottom    pixels from 0; right and bottom are the first pixels outside
# clicks.csv  image,class,x,y                      column and row of a pixel, from 0

# The value in scribbles that means "not annotated": 0 as napari and scikit-image have it (then set first_value = 1),
# the highest value as nnU-Net has it; several are a list, [0, 255], and none is [].
# unlabeled = 255

# The value in masks that means "not evaluated"; several are a list, [254, 255], and none is [].
# void = 255

# The names of the classes in the order of their values; empty: the lines of classes.txt.
# classes = []

# The class that means "nothing else"; "" if there is none. Mean Dice leaves it out.
# background = "background"

# Classes that become another class: { horse = "cow", sheep = "cow" }.
# merge = {}

# Images whose mask may be used for training: keys, or patterns such as "site3_*".
# fully_labelled = []

# true, or keys and patterns of images on which every class that they show is drawn, boxed or tagged: all other classes
# are absent from them.
# everything_drawn = []

# The value of the first class in masks and scribbles.
# first_value = 0

# The value of each class in masks and scribbles, in the order of their names, if they do not count up: [0, 1, 2, 4].
# values = []

# The class of every undeclared value above 0, for maps in which each object has its own number.
# instances = ""

# A regular expression whose match in a key names the volume that a slice belongs to, 'patient\d+_frame\d+';
# Dice is then computed per volume. Empty: each image is a volume.
# volume = ""

# true: subfolders of images/, masks/ and scribbles/ are read as well; a key is then a path, site3/NAME.
# nested = false

# "turn": photos and labels are rotated by their EXIF orientation; "ignore": they are read as stored, for labels drawn
# in a program that ignores the orientation.
# exif = "turn"

# The values of black and white in images of more than 8 bits, if a camera used a part of the range: [0, 4095] for 12
# bits in files of 16. Empty: the full range of the file format.
# range = []

# The marker of pixels without data, which are treated as void: -9999 (in all channels), nan, "transparent".
# nodata = ""

# Classes left out of every mean, because too few pixels of the masks show them.
# unscored = []

# The colours of painted label maps: of each class, of `void` in masks and of `unlabeled` in scribbles.
# A colour is "#rrggbb", "transparent" or [red, green, blue]; several are a list. As a table at the end of this file:
#     [colours]
#     background = "#000000"
#     object = [255, 0, 0]
#     unlabeled = ["#ffffff", "transparent"]
# colours = {}

# The plane of the slices of volumes, "axial", "coronal" or "sagittal": `weakseg predict` then takes volumes too.
# plane = ""

# Files of annotation tools that are read as labels: a path inside this folder, or a list. The docs list the formats.
# annotations = []

# What marks of these files become, if not what the docs say: click, scribble, region, box, tag or ignore. As tables:
#     [marks]
#     polygon = "box"
#     [marks.dog]
#     polygon = "region"
# marks = {}

# What names in these files mean: a class, or "ignore". As a table:
#     [names]
#     Hund = "dog"
#     ruler = "ignore"
# names = {}

# Tables come last. Each applies to one folder of label maps alone: [masks], [scribbles], or a folder whose name begins
# with scribbles; its keys are void (masks) or unlabeled (scribbles), first_value, values and instances.
#     [scribbles]
#     unlabeled = 0
#     first_value = 1
"""


def lay_out(path: Path) -> list[Path]:
    """Create a data folder, or fill an empty one.

    Returns the paths that were created.

    Raises:
        DataInvalid: the folder is not empty, or cannot be created. Nothing is ever overwritten.
    """
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            expected, fix = "a new or an empty folder", "choose another name"
            raise DataInvalid(f"{path} already exists and is not empty", expected=expected, fix=fix)
        made = [path / name for name in FOLDERS]
        for folder in made:
            folder.mkdir(parents=True)
        for name, text in (("classes.txt", CLASSES), ("dataset.toml", DATASET)):
            with (path / name).open("x", encoding="utf-8") as file:
                file.write(text)
            made.append(path / name)
    except OSError as error:
        raise DataInvalid(f"{path} cannot be created: {error.strerror}", fix="choose another place") from error
    return made
