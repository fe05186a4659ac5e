"""What holds for every test: nothing is timed, and whatever is random can be repeated."""

from hypothesis import HealthCheck, settings

# Machines are shared: a slow example is no failure. A failure prints the blob that repeats it.
settings.register_profile(
    "project", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")
