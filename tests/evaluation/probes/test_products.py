import pytest
import torch

from lssd.evaluation.probes import products


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("kernel", ["as chosen", "plain"])
def test_stacks_of_products_in_any_layout(shared, kernel, monkeypatch):
    if kernel == "plain":
        monkeypatch.setattr(products, "_onednn", lambda: None)
    generator = torch.Generator().manual_seed(0)
    stack, rows, inner, columns = 3, 17, 33, 29
    a = torch.randn(stack, rows, inner, generator=generator)
    b = torch.randn(1 if shared else stack, inner, columns, generator=generator)
    expected = (a.double() @ b.double()).float()
    for left in (a, a.transpose(1, 2).contiguous().transpose(1, 2)):
        for right in (b, b.transpose(1, 2).contiguous().transpose(1, 2)):
            torch.testing.assert_close(products.product(left, right), expected, atol=1e-4, rtol=1e-5)


def test_double_precision_is_kept():
    a, b = torch.randn(1, 5, 7, dtype=torch.float64), torch.randn(1, 7, 3, dtype=torch.float64)
    torch.testing.assert_close(products.product(a, b), a @ b, atol=1e-14, rtol=0)
