# %% [markdown]
# # Simulate, prepare, train, forecast, score
#
# All steps of a forecast in one sitting, with flow that is simulated here. With ERA5 the first step is
# `open_dataset("era5-1.5")`; the others stay.

# %%
import matplotlib.pyplot as plt
import numpy as np

import wxsphere
from spinharm import Grid
from spinnn.training import LoopConfig, OptimizerConfig

model = wxsphere.ShallowWater(bandlimit=16, time_step=2400.0)
start = wxsphere.random_state(model, seed=0)
store = wxsphere.simulate(model, start, "flow.zarr", outputs=160, steps_per_output=9, grid=Grid.gauss_legendre(16))
truth = wxsphere.open_dataset("flow.zarr")
print(dict(truth.sizes), list(truth.data_vars)[:4])

# %% [markdown]
# ## Prepare: times for training, validation and test, and statistics of the first

# %%
times = truth.time.values
options = wxsphere.PrepareOptions(
    variables=("geopotential", "u_component_of_wind", "v_component_of_wind"),
    training=(str(times[0]), str(times[119])),
    validation=(str(times[120]), str(times[127])),
    test=(str(times[128]), str(times[159])),
)
data = wxsphere.prepare("flow.zarr", "data", options)
print(len(data.training_times), "times for training,", len(data.test_times), "for the test")

# %% [markdown]
# ## Train: a U-net that predicts the change in six hours; the wind is one field of spin 1

# %%
network = wxsphere.NetworkConfig("unet", bandlimits=(12, 6, 12), widths=(8, 12, 8), num_filter_params=(None,))
config = wxsphere.RunConfig(
    stages=(wxsphere.Stage(steps=1, epochs=12),),
    batch_size=8,
    constants=("sine_of_latitude",),
    forcings=(),
    network=network,
    remat=False,
    validation_windows=4,
    training=LoopConfig(optimizer=OptimizerConfig(learning_rate=3e-3, clip_norm=1.0), checkpoint_every=1000),
)
trained = wxsphere.train(data, config, "run", progress=False)

# %% [markdown]
# ## Forecast ten steps from every fourth time of the test, and score beside persistence

# %%
wxsphere.forecast(trained, data.fields, "forecast.zarr", steps=10, times=data.test_times[:20:4])
scores = wxsphere.evaluate({"U-net": wxsphere.open_dataset("forecast.zarr")}, data.fields)
rmse = scores["geopotential"].sel(metric="rmse", region="global")
hours = rmse.prediction_timedelta.values / np.timedelta64(1, "h")

figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
for name in rmse.forecast.values:
    axis.plot(hours, rmse.sel(forecast=name), ".-", label=str(name))
axis.set(xlabel="lead time [h]", ylabel=r"RMSE of geopotential [m$^2$ s$^{-2}$]")
axis.legend()
plt.show()
print("better than persistence at 6 h:", bool(rmse[0, 0] < rmse[1, 0]))
