import torch
from torch.autograd import gradcheck

x = torch.tensor([0.5, -1.5], dtype=torch.float64, requires_grad=True)
print(gradcheck(lambda x: x * x, x))
try:
    gradcheck(lambda x: x * x.detach(), x)
except RuntimeError as error:
    print(error)
