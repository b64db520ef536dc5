import torch

a = torch.tensor(3.0, requires_grad=True)
b = a + a
c = b * b
L = b + c
L.backward(retain_graph=True)
print(a.grad)
L.backward()
print(a.grad)
