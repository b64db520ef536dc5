import torch

x = torch.tensor([-17.0, -1.0, 0.0, 1.0, 17.0], requires_grad=True)
torch.sigmoid(x).sum().backward()
print(x.grad)
x.grad = None
torch.relu(x).sum().backward()
print(x.grad)
