"""Writes engine/sample/testdata/schedulers: a small UNet2DModel with seeded weights and what diffusers' schedulers draw with it on a CPU.

usage: scheduler_goldens.py DIR    (with torch, diffusers, numpy and scipy)
DIR/unet, DIR/x_T.npy, and for each case DIR/NAME/scheduler_config.json, DIR/NAME/y.npy and DIR/NAME/case.json: the number of steps, and
whether the scheduler draws noise: then RandomState(1), one draw of x's shape a step that takes some, in order.
"""
import json
import os
import sys

import diffusers
import numpy as np
import torch

CASES = {
    "ddim": ("DDIMScheduler", 10, {}),
    "ddim-alpha-zero": ("DDIMScheduler", 10, dict(set_alpha_to_one=False, steps_offset=1, clip_sample=False)),
    "ddim-linspace": ("DDIMScheduler", 7, dict(timestep_spacing="linspace")),
    "ddim-thresholding": ("DDIMScheduler", 10, dict(thresholding=True, sample_max_value=2.0, dynamic_thresholding_ratio=0.9)),
    "ddim-zero-snr": ("DDIMScheduler", 10, dict(rescale_betas_zero_snr=True, timestep_spacing="trailing", prediction_type="v_prediction")),
    "ddpm": ("DDPMScheduler", 10, {}),
    "ddpm-small-log-trailing": ("DDPMScheduler", 9, dict(variance_type="fixed_small_log", timestep_spacing="trailing")),
    "ddpm-v-offset": ("DDPMScheduler", 10, dict(prediction_type="v_prediction", steps_offset=1, variance_type="fixed_large")),
    "deis": ("DEISMultistepScheduler", 10, {}),
    "dpmpp": ("DPMSolverMultistepScheduler", 10, {}),
    "dpmpp-karras": ("DPMSolverMultistepScheduler", 10, dict(use_karras_sigmas=True)),
    "dpmpp-o3-sample": ("DPMSolverMultistepScheduler", 12, dict(solver_order=3, prediction_type="sample")),
    "dpmpp-sde": ("DPMSolverMultistepScheduler", 10, dict(algorithm_type="sde-dpmsolver++")),
    "dpmpp-single": ("DPMSolverSinglestepScheduler", 10, {}),
    "edm-dpmpp": ("EDMDPMSolverMultistepScheduler", 10, dict(prediction_type="epsilon")),
    "edm-euler": ("EDMEulerScheduler", 10, {}),
    "euler": ("EulerDiscreteScheduler", 10, {}),
    "euler-karras": ("EulerDiscreteScheduler", 10, dict(use_karras_sigmas=True)),
    "euler-ancestral": ("EulerAncestralDiscreteScheduler", 10, {}),
    "heun": ("HeunDiscreteScheduler", 8, dict(beta_start=0.0001, beta_end=0.02)),
    "kdpm2": ("KDPM2DiscreteScheduler", 8, {}),
    "lms": ("LMSDiscreteScheduler", 10, {}),
    "pndm": ("PNDMScheduler", 12, {}),
    "pndm-plms": ("PNDMScheduler", 12, dict(skip_prk_steps=True, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)),
    "unipc": ("UniPCMultistepScheduler", 10, {}),
    "unipc-bh1-v": ("UniPCMultistepScheduler", 10, dict(solver_type="bh1", prediction_type="v_prediction", final_sigmas_type="sigma_min")),
}


def network():
    torch.manual_seed(0)
    net = diffusers.UNet2DModel(
        sample_size=8, in_channels=2, out_channels=2, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"), add_attention=False)
    return net.eval()


def draw(net, scheduler, steps, start):
    state, drawn = np.random.RandomState(1), []

    def randn(shape, *_, **kw):
        drawn.append(shape)
        return torch.from_numpy(state.standard_normal(tuple(shape))).to(kw.get("dtype") or torch.float32)

    sys.modules[type(scheduler).__module__].randn_tensor = randn
    scheduler.set_timesteps(steps)
    x = start * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        out = net(scheduler.scale_model_input(x, t), t).sample
        x = scheduler.step(out, t, x).prev_sample
    return x, len(drawn) > 0


@torch.no_grad()
def main(out):
    net = network()
    net.save_pretrained(os.path.join(out, "unet"))
    noise = np.random.RandomState(0).standard_normal((2, 2, 8, 8)).astype(np.float32)
    np.save(os.path.join(out, "x_T.npy"), noise)
    for name, (kind, steps, options) in CASES.items():
        folder = os.path.join(out, name)
        scheduler = getattr(diffusers, kind)(**options)
        scheduler.save_pretrained(folder)
        y, noisy = draw(net, scheduler, steps, torch.from_numpy(noise))
        np.save(os.path.join(folder, "y.npy"), y.numpy().astype(np.float32))
        with open(os.path.join(folder, "case.json"), "w") as f:
            json.dump({"steps": steps, "noisy": noisy}, f)
            f.write("\n")
        print(name, noisy, float(y.std()))


main(sys.argv[1])
