import torch

x = torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]], requires_grad=True)
w = torch.tensor([[0.5, -1.0], [2.0, 0.75], [-0.5, 1.5]], requires_grad=True)
dy = torch.tensor([[1.0, -0.5], [0.25, 2.0]])
(x @ w).backward(dy)
print(x.grad)
print(w.grad)
print(torch.nn.Linear(in_features=3, out_features=2).weight.shape)
