"""Keys that people mean by the words of other tools: `lr`, `epochs`, `dropout`."""

from difflib import get_close_matches
from pathlib import Path

from phistar.pipeline.config import schema

# Key -> words for it. A word that is also a key of another section means this one.
WORDS = {
    "train.epochs": "epoch epochs num_epochs n_epochs max_epochs num_train_epochs",
    "train.steps": "max_steps num_steps n_steps iterations iters num_iterations "
    "max_iter total_steps train_steps",
    "train.learning_rate": "lr learningrate learning_rate_init base_lr max_lr alpha "
    "eta rate step_size",
    "train.stop_after": "early_stopping early_stop earlystopping patience "
    "early_stopping_patience n_iter_no_change",
    "train.batch_size": "batch bs batchsize minibatch minibatch_size "
    "per_device_train_batch_size",
    "train.batch_tokens": "max_tokens tokens_per_batch",
    "train.eval_every": "eval_steps eval_interval val_interval valid_every "
    "val_check_interval evaluate_every validation_freq",
    "train.weight_decay": "wd decay l2 l2_penalty regularization weightdecay",
    "train.label_smoothing": "smoothing label_smooth",
    "train.optimizer": "optim opt optimiser algorithm",
    "train.loss": "criterion objective loss_function loss_fn",
    "train.schedule": "scheduler lr_scheduler lr_schedule lr_scheduler_type",
    "train.warmup_steps": "warmup num_warmup_steps warm_up",
    "train.clip_norm": "clip grad_clip clipnorm max_grad_norm gradient_clip_val "
    "gradient_clip",
    "train.accumulate": "accumulation grad_accum accumulate_grad_batches "
    "gradient_accumulation_steps accumulation_steps",
    "train.average": "ema swa averaging average_last",
    "train.seed": "seed random_seed random_state manual_seed",
    "train.precision": "fp16 bf16 amp mixed_precision dtype half",
    "train.devices": "device gpu gpus accelerator num_gpus n_gpu",
    "train.flip": "augment augmentation hflip horizontal_flip random_flip",
    "train.crop": "random_crop padding",
    "build.network": "model arch architecture net backbone model_name",
    "build.dropout": "dropout drop drop_rate dropout_rate p_drop",
    "build.num_layers": "layers depth n_layers n_layer num_hidden_layers",
    "build.mlp_dim": "hidden hidden_size hidden_dim hidden_units units width "
    "hidden_layer_sizes n_hidden d_ff ffn_dim dim_feedforward",
    "build.model_dim": "d_model n_embd embed_dim embedding_dim emb_dim",
    "build.num_heads": "heads n_head n_heads num_attention_heads",
    "build.context": "block_size context_length seq_len sequence_length max_seq_len",
    "build.weights": "pretrained checkpoint init_from finetune",
    "ingest.source": "data dataset data_source",
    "ingest.path": "file csv data_path filename",
    "ingest.separator": "sep delimiter delim",
    "ingest.quote": "quotechar quoting",
    "ingest.missing": "na_values null_values",
    "ingest.ignore": "drop_columns exclude",
    "ingest.group": "groups group_column",
    "ingest.min_count": "min_frequency min_freq",
    "ingest.label": "target label_column target_column y",
    "ingest.valid_fraction": "val_split validation_split valid_split val_size "
    "val_fraction dev_size",
    "ingest.test_fraction": "test_size test_split",
    "task.positive": "pos_label positive_label positive_class",
    "task.vocab_size": "vocab vocabulary_size num_tokens",
    "task.name": "task task_name problem_type",
    "evaluate.beam_size": "beam beams num_beams beam_width",
    "evaluate.num_bins": "bins n_bins",
}
MEANT = {word: key for key, words in WORDS.items() for word in words.split()}


def keys_of(components: Path) -> dict[str, str]:
    """Name of a key -> its full name, over all sections and choices.

    Of several keys with one name it is that of the first section.
    """
    found = {}
    for name in schema.SECTIONS:
        keys = dict(schema.section(name, None, components))
        if name in schema.CHOOSERS:
            for choice in schema.names(name, components):
                keys |= schema.chosen(name, choice, components).keys
        for key in keys:
            found.setdefault(key, f"{name}.{key}")
    return found


def exact(word: str, components: Path = schema.COMPONENTS) -> str | None:
    """The full name of the key that a bare word means: "lr" -> "train.learning_rate".

    Args:
        word: as it was typed, "-" or "_" between its parts.
        components: folder of the schema.
    """
    word = word.strip("-").replace("-", "_").lower()
    return MEANT.get(word) or keys_of(components).get(word)


def key_for(word: str, components: Path = schema.COMPONENTS) -> str | None:
    """The key of `exact`, else that of the word that looks most like it."""
    known = [*keys_of(components), *MEANT]
    near = get_close_matches(word.strip("-").replace("-", "_").lower(), known, 1)
    found = exact(word, components)
    return found or (exact(near[0], components) if near else None)
