import torch

norm = torch.nn.BatchNorm1d(2)
x = torch.tensor([[1.0, 10.0], [2.0, -10.0], [6.0, 15.0]])
print(norm(x).detach())
print(norm.running_mean, norm.running_var, sep="\n")
norm.eval()
print(norm(x).detach())
