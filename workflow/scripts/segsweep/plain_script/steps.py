"""What takes the steps of a run: optimizer, learning rate, bounds on the gradient, a frozen part, averaged weights."""

from segsweep import registry
from segsweep.config.components import LibraryOptimizer, Optimizer
from segsweep.config.train import Train
from segsweep.plain_script.build_calls import build_call, literal, namespace
from segsweep.plain_script.copied_code import CopiedCode
from segsweep.training.clipping import clip_of


def optimizer(code: CopiedCode, settings: Optimizer) -> str:
    """The expression that makes the optimizer, of `parameters`."""
    code.use("torch")
    if not isinstance(settings, LibraryOptimizer):
        module = registry.module_name(settings)
        return build_call(code, module, settings.model_dump(), {"parameter_groups": "parameters"})
    library, _, name = settings.name.partition(".")
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.options.items()}
    rates = {"lr": settings.lr, "weight_decay": settings.weight_decay} | options
    given = ", ".join(f"{key}={literal(value)}" for key, value in rates.items())
    if library == "torch":
        return f"torch.optim.{name}(parameters, {given})"
    code.use("timm.optim", "create_optimizer_v2")
    return f'create_optimizer_v2(parameters, opt="{name}", {given})'


def parameters(code: CopiedCode, settings: Optimizer) -> tuple[str, str]:
    """The expression of the parameters of `model`, and the settings that it reads; none if all are treated alike."""
    if settings.weight_decay_on == "all" and not settings.names_parts:
        return "model.parameters()", ""
    code.use("types", "SimpleNamespace")
    function = code.add("segsweep.optimizers.parameter_groups", "parameter_groups")
    read = {
        "lr": settings.lr,
        "weight_decay_on": settings.weight_decay_on,
        "lr_factor": settings.lr_factor.model_dump(),
        "names_parts": settings.names_parts,
    }
    return f"{function}(GROUPS, model)", namespace(read)


def schedule(code: CopiedCode, train: Train) -> tuple[str, str]:
    """The expression of the rate of a step, of `SCHEDULE` and `progress`, and the settings; none where it stays."""
    settings = train.scheduler
    if settings.name == "constant" and not settings.warmup.iterations:
        return "LR", ""
    code.use("types", "SimpleNamespace")
    code.add("segsweep.schedules", "Progress")
    function = code.add(registry.module_name(settings), "learning_rate", f"{settings.name}_rate")
    hidden = {"name"} if settings.warmup.iterations else {"name", "warmup"}
    return f"{function}(SCHEDULE, LR, progress)", namespace(settings.model_dump(exclude=hidden))


def clipping(code: CopiedCode, train: Train) -> str:
    """The statement that bounds the gradient of `model`; empty where nothing does."""
    clip = clip_of(train)
    if clip is None:
        return ""
    if clip.value is not None:
        return f"nn.utils.clip_grad_value_(model.parameters(), {literal(clip.value)})"
    if clip.per == "all":
        return f"nn.utils.clip_grad_norm_(model.parameters(), {literal(clip.norm)})"
    return f"{code.add('segsweep.training.clipping', 'clip_each_norm')}(model.parameters(), {literal(clip.norm)})"
