"""A network in one line and one sentence, made from facts alone."""

SHOWN = 12  # names of labels


def about(task, data, network, report):
    """Title of the pages, and a sentence on what the network does.

    Args:
        task: plain data of the section `task`.
        data: Dataset.
        network: content of network.json.
        report: Report.

    Returns:
        (str, str).
    """
    description = data.description
    title = f"{description['name']} · {task['name']} · {network['network']}"
    return title, sentence(task, data, report)


def sentence(task, data, report):
    """Inputs and labels, in words.  -> str"""
    inputs, names = data.description["inputs"], data.space.names
    if report.unit == "token":
        tokens = f"{len(names):,} tokens ({task['tokenizer']})"
        if task["name"] == "translation":
            return f"It translates a text, token by token, with {tokens}."
        return f"It continues a text, token by token, with {tokens}."
    listed = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return (
        f"It gives each of {len(names):,} labels ({listed}) a probability, "
        f"from {reads(inputs)}."
    )


def reads(inputs):
    """Inputs in words.

    Args:
        inputs: of dataset.json.

    Returns:
        str.
    """
    if len(inputs["shape"]) == 3:
        height, width, channels = inputs["shape"]
        color = "grey" if channels == 1 else "colour"
        return f"a {color} image of {height} × {width} pixels"
    columns = inputs["encoder"].get("columns", [])
    return f"{len(columns)} columns of a row" if columns else inputs["kind"]
