import torch
import torch.nn.functional as F

z = torch.tensor([[2.0, -1.0, 0.5]], requires_grad=True)
t = torch.tensor([1])
loss = F.cross_entropy(z, t)
loss.backward()
print(f"{loss:.4f}", z.grad, sep="\n")
print(f"{F.cross_entropy(torch.softmax(z, dim=1), t):.4f}")
