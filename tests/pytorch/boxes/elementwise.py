import torch

x = torch.tensor([[1.0, 3.0], [0.5, 1.5], [2.0, 0.5]], requires_grad=True)
total = x.sum(dim=1, keepdim=True)
total.retain_grad()
y = x / total
y.backward(torch.tensor([[1.0, -1.0], [2.0, 0.5], [0.5, 3.0]]))
print(total.grad)
print(x.grad)
