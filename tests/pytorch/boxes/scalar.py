import torch
from torch import tensor

torch.set_default_dtype(torch.float64)
x = tensor([1.5, -0.5])
w = tensor([[0.5, -0.3, 0.8], [0.2, 0.7, -0.4]], requires_grad=True)
h = torch.sigmoid(x @ w + tensor([0.1, -0.2, 0.3]))
v = tensor([[0.6, -0.5], [-0.9, 0.4], [0.3, 1.1]])
loss = torch.nn.functional.cross_entropy(h @ v + tensor([0.05, -0.15]), tensor(1))
loss.backward()
print(loss.item(), w.grad, sep="\n")
